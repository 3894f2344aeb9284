-- Release what a room that is gone looked like, unless it was claimed again meanwhile.
-- KEYS  1 look (string)
-- ARGV  1 the value that it had
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('UNLINK', KEYS[1])
end
