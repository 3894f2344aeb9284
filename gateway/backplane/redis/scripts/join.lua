-- Make a session a member of a room, or change its member line, and publish that.
-- KEYS  1 meta  2 members (hash: session -> "node term who")  3 log  4 ids  5 older ids
--       6 accounts, as in accounts.lua
-- ARGV  1 session  2 node  3 term  4 who  5 channel  6 JSON after {"version":N
--       7 epoch if there is none  8 name, if the room has none
-- Returns the room's epoch, its number of erasures, its name, and whether that is settled; nothing
-- if the session is a member in a later term. Repeating it changes nothing.
local meta, members = KEYS[1], KEYS[2]
local is_new = redis.call('HSETNX', meta, 'epoch', ARGV[7]) == 1
if is_new then
  redis.call('DEL', KEYS[3], KEYS[4], KEYS[5])
end
local known = redis.call('HGET', members, ARGV[1]) or ''
local term, who = string.match(known, '^%S+ (%d+) (.*)$')
if term and tonumber(term) > tonumber(ARGV[3]) then
  return false
end
local member = ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. ARGV[4]
if member ~= known then
  if redis.call('EXISTS', members) == 0 then
    for i = 1, #KEYS do
      redis.call('PERSIST', KEYS[i])
    end
    redis.call('DEL', KEYS[6])
    redis.call('HDEL', meta, 'doubles')
    is_new = false
  end
  redis.call('HSET', members, ARGV[1], member)
end
local account = account_of(ARGV[1])
if is_new then
  record_accounts() -- there are members, but meta was lost
elseif account then
  record_session(account, ARGV[1], known ~= '', true)
end
if who ~= ARGV[4] then
  local version = redis.call('HINCRBY', meta, 'version', 1)
  redis.call('PUBLISH', ARGV[5], '{"version":' .. version .. ARGV[6])
end
redis.call('HSETNX', meta, 'name', ARGV[8])
return redis.call('HMGET', meta, 'epoch', 'erasures', 'name', 'settled')
