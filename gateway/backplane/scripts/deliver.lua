-- Give a direct message its place in an inbox, log it, and publish it; the same id once only.
-- KEYS  1 meta (hash: epoch, seq, channel)  2 log (stream)
--       3 ids (hash: idempotency key -> seq, or whom it is for; see address.lua)  4 ids before those
-- ARGV  1 idempotency key  2 channel, if the inbox names no other  3 what to publish before it
--       4 JSON after {"seq":N,"at":T,"epoch":"E"  5 log length  6 ids to remember
--       7 epoch to use if there is none  8 milliseconds that the inbox lives from now on
-- Gives the seq: of this message, or of the one that had the same id.
local meta, log, ids, older = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
if redis.call('HSETNX', meta, 'epoch', ARGV[7]) == 1 then
  redis.call('DEL', log, ids, older)
end
local known = redis.call('HGET', ids, ARGV[1]) or redis.call('HGET', older, ARGV[1])
if known and tonumber(known) then
  return tonumber(known)
end
local seq = redis.call('HINCRBY', meta, 'seq', 1)
local named = redis.call('HMGET', meta, 'epoch', 'channel')
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local message = '{"seq":' .. seq .. ',"at":' .. string.format('%d', at)
  .. ',"epoch":"' .. named[1] .. '"' .. ARGV[4]
redis.call('XADD', log, 'MAXLEN', '~', ARGV[5], seq .. '-0', 'm', message)
-- Two generations of ids: at least the last ARGV[6] are remembered, at most twice that.
if redis.call('HLEN', ids) >= tonumber(ARGV[6]) then
  redis.call('RENAME', ids, older)
end
redis.call('HSET', ids, ARGV[1], seq)
for i = 1, #KEYS do
  redis.call('PEXPIRE', KEYS[i], ARGV[8])
end
redis.call('PUBLISH', named[2] or ARGV[2], ARGV[3] .. message)
return seq
