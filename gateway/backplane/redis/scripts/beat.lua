-- Count a node's heartbeat, unless it is not registered or was declared dead.
-- KEYS  1 nodes (hash: node -> its number of heartbeats, -1 once it was declared dead)
-- ARGV  1 node
-- Returns the hash, flat.
local beats = redis.call('HGET', KEYS[1], ARGV[1])
if beats and tonumber(beats) >= 0 then
  redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
end
return redis.call('HGETALL', KEYS[1])
