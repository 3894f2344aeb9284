-- Give up the nickname that is reserved for an account.
-- KEYS  1 accounts (hash: folded nickname -> account)
-- ARGV  1 folded  2 account
-- Returns 1 if it was reserved for the account, else 0.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return 0
end
return redis.call('HDEL', KEYS[1], ARGV[1])
