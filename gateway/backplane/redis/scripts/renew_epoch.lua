-- Change the epoch of a room or an inbox that has lost messages, unless that was done already.
-- KEYS  1 meta (hash: epoch, seq, …)
-- ARGV  1 present epoch, or '' if it has none  2 new epoch
if (redis.call('HGET', KEYS[1], 'epoch') or '') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'epoch', ARGV[2])
end
return 0
