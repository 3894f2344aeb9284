-- Give a room or an inbox that has lost messages another epoch, unless that was done already.
-- KEYS  1 meta (hash: epoch, seq, …)
-- ARGV  1 the epoch in which it is, or '' if none  2 the new one
if (redis.call('HGET', KEYS[1], 'epoch') or '') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[2])
end
return 0
