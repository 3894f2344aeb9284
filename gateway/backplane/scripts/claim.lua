-- Take a nickname, giving up the session's old one in the same moment.
-- KEYS  1 nicks (hash: folded nickname -> "session node who")  2 sessions (hash: session -> folded)
-- ARGV  1 session  2 node  3 who  4 folded  5... variants to try if it is taken, folded
-- Gives 0 if it is the session's now, -2 if the session is on another node now; else it is taken:
-- the index of the first free variant, or -1 if none is.
local nicks, sessions = KEYS[1], KEYS[2]
local session, node, folded = ARGV[1], ARGV[2], ARGV[4]
local function owner_of(key)
  return string.match(redis.call('HGET', nicks, key) or '', '^(%S+) ([^~ ]+)')
end
local held = redis.call('HGET', sessions, session)
if held then
  local owner, at = owner_of(held)
  if owner ~= session then
    held = false
  elseif at ~= string.match(node, '^[^~]+') then
    return -2
  end
end
local owner = owner_of(folded)
if owner and owner ~= session then
  for i = 5, #ARGV do
    if redis.call('HEXISTS', nicks, ARGV[i]) == 0 then
      return i - 4
    end
  end
  return -1
end
redis.call('HSET', nicks, folded, session .. ' ' .. node .. ' ' .. ARGV[3])
if held ~= folded then
  redis.call('HSET', sessions, session, folded)
  if held then
    redis.call('HDEL', nicks, held)
  end
end
return 0
