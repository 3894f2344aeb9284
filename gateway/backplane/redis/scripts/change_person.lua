-- Change the nickname or the status of an account in a room, on all of its devices in one step, and
-- publish that.
-- KEYS  1 meta  2 members (hash: session -> "node term who")  3 log  4 ids  5 older ids
--       6 accounts (hash: account -> its sessions, separated by spaces)
-- ARGV  1 channel  2 account  3 nickname, or '' to keep it
--       4 state as it is in a member line, or '' to keep state and text  5 text
--       6 state of an idle device, which it keeps
-- Returns the number of sessions whose member line was changed. Repeating it changes nothing.
local here, changed = {}, 0
for session in string.gmatch(redis.call('HGET', KEYS[6], ARGV[2]) or '', '%S+') do
  local member = redis.call('HGET', KEYS[2], session) or ''
  local place, nick, state, text = string.match(member, '^(%S+ %d+ )(%S+) ?(%S*) ?(.*)$')
  if place then
    nick = ARGV[3] ~= '' and ARGV[3] or nick
    if ARGV[4] ~= '' then
      state, text = state == ARGV[6] and state or ARGV[4], ARGV[5]
    end
    local line = nick .. ' ' .. state .. ' ' .. text
    if place .. line ~= member then
      redis.call('HSET', KEYS[2], session, place .. line)
      here[session], changed = line, changed + 1
    end
  end
end
if changed > 0 then
  local version = redis.call('HINCRBY', KEYS[1], 'version', 1)
  redis.call('PUBLISH', ARGV[1], '{"version":' .. version .. ',"here":' .. cjson.encode(here) .. '}')
end
return changed
