-- Reserve a nickname for an account, unless another account or a guest has it.
-- KEYS  1 nicks (hash: folded nickname -> "session node term who")
--       2 accounts (hash: folded nickname -> account)
-- ARGV  1 folded  2 account  3 a session that may have the nickname, or '' for none
-- Returns 0 if it is reserved for the account; -1 if it is for another; -2 if a session has it.
local account = redis.call('HGET', KEYS[2], ARGV[1])
if account then
  return account == ARGV[2] and 0 or -1
end
local session = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^%S+')
if session and session ~= ARGV[3] then
  return -2
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return 0
