-- Change a counter of failures, unless it has changed since it was read.
-- KEYS  1 the counter (string)
-- ARGV  1 what was read, or '' for anything  2 what to add  3 milliseconds until it expires, or 0 to
--       leave that as it is
-- Returns 1 if it was changed, else 0. One that is not there is not made smaller.
local failures = tonumber(redis.call('GET', KEYS[1]) or 0)
if ARGV[1] ~= '' and failures ~= tonumber(ARGV[1]) then
  return 0
end
local life = tonumber(ARGV[3])
if life == 0 then
  life = redis.call('PTTL', KEYS[1])
end
if life > 0 then
  redis.call('SET', KEYS[1], math.max(failures + tonumber(ARGV[2]), 0), 'PX', life)
end
return 1
