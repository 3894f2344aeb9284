-- Claim a nickname for a session, and release the one that it had, in one step.
-- KEYS  1 nicks (hash: folded nickname -> "session node term who")
--       2 sessions (hash: session -> folded)
--       3 began (hash: session -> when it began, in Unix milliseconds)
--       4 reserved, as in reserved.lua
-- ARGV  1 session  2 node  3 term, 0 if it has none yet  4 who
--       5 folded; '@session' for a session of an account, which has its nickname by reservation
--       6... variants to try if it is taken, folded
-- Returns
-- {0, term, the node that had the session if that is another, else ''} if it was claimed;
-- {-2} if the session was resumed on another node;
-- {-3, term, who} if the session was resumed on this node in a later term;
-- {-1, number of the first free variant, or 0} if another session has the nickname;
-- {-4, the same} if it is reserved for an account.
local nicks, sessions = KEYS[1], KEYS[2]
local session, node, term, who, folded = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local held, elsewhere = redis.call('HGET', sessions, session), ''
if held then
  local owner = redis.call('HGET', nicks, held) or ''
  local whose, at, known, known_who = string.match(owner, '^(%S+) ([^~ ]+)%S* (%d+) (.*)$')
  known = tonumber(known)
  if whose ~= session then
    held = false
  elseif at ~= string.match(node, '^[^~]+') then
    if known >= term then
      return {-2}
    end
    elsewhere = at
  elseif term == 0 then
    term = known
  elseif known > term then
    return {-3, known, known_who}
  end
end
local owner = string.match(redis.call('HGET', nicks, folded) or '', '^%S+')
local is_reserved = reserved_for(KEYS[4], folded)
if is_reserved or (owner and owner ~= session) then
  local free = 0
  for i = #ARGV, 6, -1 do
    if redis.call('HEXISTS', nicks, ARGV[i]) == 0 and not reserved_for(KEYS[4], ARGV[i]) then
      free = i - 5
    end
  end
  return {is_reserved and -4 or -1, free}
end
if term == 0 then
  local now = redis.call('TIME')
  term = now[1] * 1000 + math.floor(now[2] / 1000)
  if not held then
    redis.call('HSET', KEYS[3], session, term)
  end
end
redis.call('HSET', nicks, folded, string.format('%s %s %d %s', session, node, term, who))
if held ~= folded then
  redis.call('HSET', sessions, session, folded)
  if held then
    redis.call('HDEL', nicks, held)
  end
end
return {0, term, elsewhere}
