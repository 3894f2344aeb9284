-- Move a read marker forward; it never goes back.
-- KEYS  1 read (hash: "#room" or "@person" -> "seq", or "seq count")  2 rooms (hash: key -> name)
-- ARGV  1 field  2 seq  3 count, or '' for none  4 markers to keep
-- Returns 1 if it was moved, else 0.
-- Markers that are too many are forgotten a tenth at a time: first those of rooms that the account
-- is not in, then those of the conversations in which nothing was read for the longest time.
local read, rooms, most = KEYS[1], KEYS[2], tonumber(ARGV[4])

local function forget_markers()
  local flat, fields, order = redis.call('HGETALL', read), {}, {}
  for i = 1, #flat, 2 do
    local field = flat[i]
    fields[#fields + 1] = field
    if string.sub(field, 1, 1) == '@' then
      order[field] = tonumber(string.match(flat[i + 1], '^%d+') or 0)
    else
      order[field] = redis.call('HEXISTS', rooms, string.sub(field, 2)) == 1 and math.huge or -1
    end
  end
  table.sort(fields, function(one, other) return order[one] > order[other] end)
  redis.call('HDEL', read, unpack(fields, most + 1))
end

local before = redis.call('HGET', read, ARGV[1])
local seq = before and tonumber(string.match(before, '^%d+'))
if seq and seq >= tonumber(ARGV[2]) then
  return 0
end
if not before and redis.call('HLEN', read) >= most * 1.1 then
  forget_markers()
end
redis.call('HSET', read, ARGV[1], ARGV[3] == '' and ARGV[2] or ARGV[2] .. ' ' .. ARGV[3])
return 1
