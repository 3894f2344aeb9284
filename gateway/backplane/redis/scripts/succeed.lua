-- Give a session's place in a room to another one, in one published change.
-- KEYS  1 meta  2 members (hash: session -> "node term who")  3 log  4 ids  5 older ids
--       6 accounts, as in accounts.lua
-- ARGV  1 session  2 its successor  3 "node term who" of that  4 channel  5 JSON after {"version":N
-- Returns 1 if it was a member, else 0, and nothing is changed.
local members, successor = KEYS[2], ARGV[2]
if redis.call('HDEL', members, ARGV[1]) == 0 then
  return 0
end
local was_member = redis.call('HSET', members, successor, ARGV[3]) == 0
local account = account_of(successor)
if account then
  record_session(account, successor, was_member)
end
local version = redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('PUBLISH', ARGV[4], '{"version":' .. version .. ARGV[5])
return 1
