-- Functions of the scripts that change the members of a room; loaded before each of them.
-- KEYS  1 meta  2 members (hash: session -> "node term who")
--       6 accounts (hash: account -> its sessions among the members, separated by spaces)
-- The field 'doubles' of meta is the number of members beyond one of each account; it is there as
-- long as there are accounts.
local ACCOUNT = '^(' .. string.rep('[0-9a-f]', 16) .. ')%.' .. string.rep('[0-9a-f]', 12) .. '%..'

-- Returns the account of a session; nothing for a guest's.
local function account_of(session)
  return string.match(session, ACCOUNT)
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
    redis.call('HSET', KEYS[1], 'doubles', doubles)
  end
end

-- Returns the recorded sessions of an account, and those of them that are not the given one; nothing
-- if it is wrong whether that is one of them, or some of what was recorded has been lost.
local function recorded(account, session, is_recorded)
  if redis.call('EXISTS', KEYS[6]) ~= redis.call('HEXISTS', KEYS[1], 'doubles') then
    return nil
  end
  local sessions, others = redis.call('HGET', KEYS[6], account) or '', {}
  for each in string.gmatch(sessions, '%S+') do
    if each ~= session then
      others[#others + 1] = each
    end
  end
  others = table.concat(others, ' ')
  if (others ~= sessions) == is_recorded then
    return sessions, others
  end
end

-- Record that a session is a member; 'was_member' is whether it was one before.
local function record_session(account, session, was_member)
  local sessions = recorded(account, session, was_member)
  if not sessions then
    record_accounts()
  elseif not was_member then
    local is_first = sessions == ''
    redis.call('HSET', KEYS[6], account, is_first and session or sessions .. ' ' .. session)
    redis.call('HINCRBY', KEYS[1], 'doubles', is_first and 0 or 1)
  end
end

-- Record that a session is a member no more.
local function forget_session(account, session)
  local sessions, others = recorded(account, session, true)
  if not sessions then
    record_accounts()
  elseif others ~= '' then
    redis.call('HSET', KEYS[6], account, others)
    redis.call('HINCRBY', KEYS[1], 'doubles', -1)
  else
    redis.call('HDEL', KEYS[6], account)
    if redis.call('EXISTS', KEYS[6]) == 0 then
      redis.call('HDEL', KEYS[1], 'doubles')
    end
  end
end

-- Forget all accounts, in a room without members.
local function forget_accounts()
  redis.call('DEL', KEYS[6])
  redis.call('HDEL', KEYS[1], 'doubles')
end
