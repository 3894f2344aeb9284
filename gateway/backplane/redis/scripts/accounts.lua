-- Functions of the scripts that change the members of a room; loaded before each of them.
-- KEYS  1 meta  2 members (hash: session -> "node term who")
--       6 accounts (hash: account -> its sessions among the members, separated by spaces)
-- The field 'doubles' of meta is the number of members beyond one of each account; it is there as
-- long as there are accounts.

-- Returns the account of a session; nothing for a guest's.
local function account_of(session)
  if string.byte(session, 17) == 46 then -- a dot; few sessions of guests are looked at any closer
    local account, device = string.match(session, '^([0-9a-f]+)%.([0-9a-f]+)%..')
    return account and #account == 16 and #device == 12 and account or nil
  end
end

-- Record all accounts anew, from the members: some of what was recorded has been lost.
local function record_accounts()
  local flat, sessions, doubles = redis.call('HGETALL', KEYS[2]), {}, 0
  for i = 1, #flat, 2 do
    local account = account_of(flat[i])
    if account then
      doubles = doubles + (sessions[account] and 1 or 0)
      sessions[account] = (sessions[account] and sessions[account] .. ' ' or '') .. flat[i]
    end
  end
  redis.call('DEL', KEYS[6])
  redis.call('HDEL', KEYS[1], 'doubles')
  for account, theirs in pairs(sessions) do
    redis.call('HSET', KEYS[6], account, theirs)
  end
  if next(sessions) then
    redis.call('HSET', KEYS[1], 'doubles', doubles)
  end
end

-- Record whether a session of an account was a member before, and is one now.
local function record_session(account, session, was_member, is_member)
  local sessions, is_recorded = {}, false
  for each in string.gmatch(redis.call('HGET', KEYS[6], account) or '', '%S+') do
    if each == session then
      is_recorded = true
    else
      sessions[#sessions + 1] = each
    end
  end
  local is_whole = redis.call('EXISTS', KEYS[6]) == redis.call('HEXISTS', KEYS[1], 'doubles')
  if is_recorded ~= was_member or not is_whole then
    record_accounts()
  elseif is_member and not was_member then
    redis.call('HINCRBY', KEYS[1], 'doubles', #sessions > 0 and 1 or 0)
    sessions[#sessions + 1] = session
    redis.call('HSET', KEYS[6], account, table.concat(sessions, ' '))
  elseif was_member and not is_member and #sessions > 0 then
    redis.call('HINCRBY', KEYS[1], 'doubles', -1)
    redis.call('HSET', KEYS[6], account, table.concat(sessions, ' '))
  elseif was_member and not is_member then
    redis.call('HDEL', KEYS[6], account)
    if redis.call('EXISTS', KEYS[6]) == 0 then
      redis.call('HDEL', KEYS[1], 'doubles')
    end
  end
end
