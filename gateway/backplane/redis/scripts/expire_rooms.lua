-- Remove the rooms from the index whose time in it is over.
-- KEYS  1 index (sorted set: room by the Unix time, in seconds, at which it leaves the index)
-- ARGV  1 how many rooms at most, up to some thousand
-- Returns their names.
local now = redis.call('TIME')
local seconds = now[1] + now[2] / 1000000
local rooms = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', seconds, 'LIMIT', 0, ARGV[1])
if #rooms > 0 then
  redis.call('ZREM', KEYS[1], unpack(rooms))
end
return rooms
