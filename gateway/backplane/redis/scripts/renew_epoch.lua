-- Give a room or an inbox another epoch, unless somebody has: messages of the one it has are lost.
-- KEYS  1 meta (hash: epoch, seq, …)
-- ARGV  1 the epoch it has, or '' if none  2 the new one
if (redis.call('HGET', KEYS[1], 'epoch') or '') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[2])
end
return 0
