-- Read the rooms whose time in the index is not over, those with the most time left first.
-- KEYS  1 index (sorted set: room by the Unix time, in seconds, at which it leaves the index)
-- ARGV  1 how many rooms at most
-- Returns their names.
local now = redis.call('TIME')
local seconds = now[1] + now[2] / 1000000
return redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', seconds, 'LIMIT', 0, ARGV[1])
