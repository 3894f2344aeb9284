-- Move a read marker forward; it never goes back.
-- KEYS  1 read (hash: room or person -> "seq", or "seq count")
-- ARGV  1 field  2 seq  3 count, or '' for none
-- Returns 1 if it was moved, else 0.
local before = redis.call('HGET', KEYS[1], ARGV[1])
local seq = before and tonumber(string.match(before, '^%d+'))
if seq and seq >= tonumber(ARGV[2]) then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3] == '' and ARGV[2] or ARGV[2] .. ' ' .. ARGV[3])
return 1
