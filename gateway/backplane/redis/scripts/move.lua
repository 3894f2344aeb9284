-- Set the channel of an inbox whose session was moved, unless it was moved again in a later term.
-- KEYS  1 meta (hash: epoch, seq, channel, term)
-- ARGV  1 channel  2 term
if tonumber(redis.call('HGET', KEYS[1], 'term') or 0) <= tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], 'channel', ARGV[1], 'term', ARGV[2])
end
return 0
