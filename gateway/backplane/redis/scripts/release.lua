-- End sessions that are on a node, and release their nicknames.
-- KEYS  1 nicks (hash: folded nickname -> "session node term who")
--       2 sessions (hash: session -> folded)
--       3 began (hash: session -> when it began)
-- ARGV  1 node; 'name~' stands for all its incarnations
--       2... pairs of a session and a term; it is ended if it is in this term or an earlier one
-- Returns the sessions that were ended.
local freed = {}
for i = 2, #ARGV, 2 do
  local folded = redis.call('HGET', KEYS[2], ARGV[i])
  if folded then
    local owner = redis.call('HGET', KEYS[1], folded) or ''
    local session, name, incarnation, term = string.match(owner, '^(%S+) ([^~ ]+)(%S*) (%d+) ')
    if session ~= ARGV[i] then
      redis.call('HDEL', KEYS[2], ARGV[i])
      redis.call('HDEL', KEYS[3], ARGV[i])
    elseif (name .. incarnation == ARGV[1] or name .. '~' == ARGV[1])
        and tonumber(term) <= tonumber(ARGV[i + 1]) then
      redis.call('HDEL', KEYS[2], ARGV[i])
      redis.call('HDEL', KEYS[3], ARGV[i])
      redis.call('HDEL', KEYS[1], folded)
      freed[#freed + 1] = ARGV[i]
    end
  end
end
return freed
