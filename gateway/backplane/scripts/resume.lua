-- Take a session up on another node, or on the same one, and tell the node that it was on.
-- KEYS  1 nicks (hash: folded nickname -> "session node who")  2 sessions (hash: session -> folded)
-- ARGV  1 session  2 node  3, 4 what the channel of a node has before and behind its name
-- Gives who it is, or nothing if there is no such session.
local folded = redis.call('HGET', KEYS[2], ARGV[1])
if not folded then
  return false
end
local owner = redis.call('HGET', KEYS[1], folded) or ''
local session, at, incarnation, who = string.match(owner, '^(%S+) ([^~ ]+)(%S*) (.*)$')
if session ~= ARGV[1] then
  return false
end
if at .. incarnation ~= ARGV[2] then
  redis.call('HSET', KEYS[1], folded, session .. ' ' .. ARGV[2] .. ' ' .. who)
end
if at ~= string.match(ARGV[2], '^[^~]+') then
  redis.call('PUBLISH', ARGV[3] .. at .. ARGV[4], 'taken ' .. session)
end
return who
