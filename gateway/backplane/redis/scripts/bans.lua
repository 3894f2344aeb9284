-- KEYS  1 bans (hash: target -> JSON)  2 ends (sorted set: target by the time at which it ends)
-- Targets are written "kind:key".
local bans, ends = KEYS[1], KEYS[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function expire()
  while true do
    local over = redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, 500)
    if #over == 0 then
      return
    end
    redis.call('HDEL', bans, unpack(over))
    redis.call('ZREM', ends, unpack(over))
  end
end
