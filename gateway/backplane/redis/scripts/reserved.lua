-- Functions of the scripts that claim or reserve nicknames; loaded before each of them.

-- Returns the account that a nickname is reserved for; nothing if it is not, or not any more.
-- 'reserved' is a hash: folded nickname -> account, or "account until", in Unix seconds.
local function reserved_for(reserved, folded)
  local account, ends = string.match(redis.call('HGET', reserved, folded) or '', '^(%S+) ?(%d*)$')
  if account and ends ~= '' and tonumber(ends) <= tonumber(redis.call('TIME')[1]) then
    redis.call('HDEL', reserved, folded)
    return nil
  end
  return account
end
