-- Claim for a room what its name looks like, unless another room has claimed it.
-- KEYS  1 look (string: "token room")
-- ARGV  1 room  2 its new value  3 value of another room to replace, or ''
-- Returns the value of another room that has claimed it; nothing if it was claimed.
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[3] and string.match(held, '^%S+ (.*)$') ~= ARGV[1] then
  return held
end
redis.call('SET', KEYS[1], ARGV[2])
return false
