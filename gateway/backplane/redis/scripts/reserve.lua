-- Reserve a nickname for an account, unless another account or a guest has it; in the same step free
-- the one that it had, and end the session of the guest who becomes the account.
-- KEYS  1 nicks (hash: folded nickname -> "session node term who")  2 reserved, as in reserved.lua
--       3 sessions (hash: session -> folded)  4 began (hash: session -> when it began)
-- ARGV  1 folded  2 account  3 the guest's session, which may have the nickname, or ''
--       4 folded nickname to free, or ''
-- Returns 0 if it is reserved for the account; -1 if it is for another; -2 if a session has it.
local nicks, reserved, folded, account, guest, before = KEYS[1], KEYS[2], unpack(ARGV)
local owner = reserved_for(reserved, folded)
if owner and owner ~= account then
  return -1
end
local session = string.match(redis.call('HGET', nicks, folded) or '', '^%S+')
if session and session ~= guest then
  return -2
end
if session then
  redis.call('HDEL', nicks, folded)
  redis.call('HDEL', KEYS[3], session)
  redis.call('HDEL', KEYS[4], session)
end
redis.call('HSET', reserved, folded, account)
if before ~= '' and before ~= folded and reserved_for(reserved, before) == account then
  redis.call('HDEL', reserved, before)
end
return 0
