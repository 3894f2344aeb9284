-- Take a nickname, giving up the session's old ones in the same moment.
-- KEYS  1 nicks (hash: folded nickname -> "session node who")
-- ARGV  1 folded nickname  2 "session node who"  3 session  4 how many to give up
--       then those, folded, then variants to try if it is taken, folded
-- Gives 0 if it is the session's now, else the index of the first free variant, or -1 if none is.
local giving_up = tonumber(ARGV[4])
local function owned_by_other(key)
  local owner = redis.call('HGET', KEYS[1], key)
  return owner and string.sub(owner, 1, #ARGV[3] + 1) ~= ARGV[3] .. ' '
end
if owned_by_other(ARGV[1]) then
  for i = 5 + giving_up, #ARGV do
    if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 0 then
      return i - 4 - giving_up
    end
  end
  return -1
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
for i = 5, 4 + giving_up do
  if ARGV[i] ~= ARGV[1] and not owned_by_other(ARGV[i]) then
    redis.call('HDEL', KEYS[1], ARGV[i])
  end
end
return 0
