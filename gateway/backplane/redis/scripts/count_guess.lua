-- Count a failed attempt to sign in.
-- KEYS  1 guesses (string: a number, which expires)
-- ARGV  1 milliseconds without another failure after which it is forgotten  2 the most to count
-- Returns the number.
local count = tonumber(redis.call('GET', KEYS[1]) or 0)
count = math.min(count + 1, tonumber(ARGV[2]))
redis.call('SET', KEYS[1], count, 'PX', ARGV[1])
return count
