-- Set nicknames free that are still held by who is said to hold them.
-- KEYS  1 nicks (hash: folded nickname -> "session node who")
-- ARGV  pairs: folded nickname, session
-- Gives how many are free now.
local freed = 0
for i = 1, #ARGV, 2 do
  local owner = redis.call('HGET', KEYS[1], ARGV[i])
  if owner and string.sub(owner, 1, #ARGV[i + 1] + 1) == ARGV[i + 1] .. ' ' then
    freed = freed + redis.call('HDEL', KEYS[1], ARGV[i])
  end
end
return freed
