-- A node's sign of life, and its probe of its own subscription.
-- KEYS  1 nodes (hash: node -> how often it has beaten, -1 once it counts as dead)
-- ARGV  1 node  2 channel of the node  3 what to publish there
-- Gives the nodes and their beats, flat.
local beats = redis.call('HGET', KEYS[1], ARGV[1])
if beats and tonumber(beats) >= 0 then
  redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
end
redis.call('PUBLISH', ARGV[2], ARGV[3])
return redis.call('HGETALL', KEYS[1])
