-- Move a session to another node, or keep it on the same one, in a new term.
-- KEYS  1 nicks (hash: folded nickname -> "session node term who")
--       2 sessions (hash: session -> folded)
--       3 began (hash: session -> when it began, in Unix milliseconds)
-- ARGV  1 session  2 node
-- Returns {term, who, the node that had it if that is another, else '', its age in milliseconds};
-- nothing if there is no such session. Where it is not stored when a session began, it counts from
-- its last term: another release began it, or Redis has lost that. The term is the time in milliseconds, or more if the clock was set back: so it is later
-- than all terms before, also those that Redis has lost.
local folded = redis.call('HGET', KEYS[2], ARGV[1])
if not folded then
  return false
end
local owner = redis.call('HGET', KEYS[1], folded) or ''
local session, at, term, who = string.match(owner, '^(%S+) ([^~ ]+)%S* (%d+) (.*)$')
if session ~= ARGV[1] then
  return false
end
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('HSETNX', KEYS[3], session, term)
local age = now - (tonumber(redis.call('HGET', KEYS[3], session)) or now)
term = math.max(tonumber(term) + 1, now)
redis.call('HSET', KEYS[1], folded, string.format('%s %s %d %s', session, ARGV[2], term, who))
return {term, who, at ~= string.match(ARGV[2], '^[^~]+') and at or '', age}
