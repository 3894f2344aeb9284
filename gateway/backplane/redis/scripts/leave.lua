-- Remove sessions from a room, and publish that; a room without members expires in the end.
-- KEYS  1 meta  2 members (hash: session -> "node term who")  3 log  4 ids  5 older ids
--       6 accounts, as in accounts.lua
-- ARGV  1 channel  2 milliseconds until a room without members expires
--       3 node; 'name~' stands for all its incarnations
--       4... pairs of a session and a term; it is removed if it is a member on that node, in this
--       term or an earlier one
-- Returns {number of sessions removed, state of the room}; the state is 'members', 'log' if it has
-- a log but no members, or 'gone'. The expiry of a room that had no members before is not put off.
local meta, members, log = KEYS[1], KEYS[2], KEYS[3]
local gone = {}
for i = 4, #ARGV, 2 do
  local member = redis.call('HGET', members, ARGV[i])
  if member then
    local name, incarnation, term = string.match(member, '^([^~ ]+)(%S*) (%d+) ')
    if name and (name .. incarnation == ARGV[3] or name .. '~' == ARGV[3])
        and tonumber(term) <= tonumber(ARGV[i + 1]) then
      redis.call('HDEL', members, ARGV[i])
      gone[#gone + 1] = ARGV[i]
      local account = account_of(ARGV[i])
      if account then
        record_session(account, ARGV[i], true, false)
      end
    end
  end
end
if #gone > 0 then
  local version = redis.call('HINCRBY', meta, 'version', 1)
  redis.call('PUBLISH', ARGV[1], '{"version":' .. version .. ',"gone":' .. cjson.encode(gone) .. '}')
end
if redis.call('EXISTS', members) == 1 then
  return {#gone, 'members'}
end
redis.call('DEL', KEYS[6])
redis.call('HDEL', meta, 'doubles')
if redis.call('EXISTS', log) == 0 then
  redis.call('DEL', unpack(KEYS))
  return {#gone, 'gone'}
end
for i = 1, #KEYS do
  if #gone > 0 or redis.call('PTTL', KEYS[i]) == -1 then
    redis.call('PEXPIRE', KEYS[i], ARGV[2])
  end
end
return {#gone, 'log'}
