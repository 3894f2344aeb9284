-- Keep rooms in the index for some time from now on.
-- KEYS  1 index (sorted set: room by the Unix time, in seconds, at which it leaves the index)
-- ARGV  1 seconds  2... rooms, up to some hundred
local now = redis.call('TIME')
local expiry = now[1] + now[2] / 1000000 + ARGV[1]
local scores = {}
for i = 2, #ARGV do
  scores[#scores + 1] = expiry
  scores[#scores + 1] = ARGV[i]
end
redis.call('ZADD', KEYS[1], unpack(scores))
return 0
