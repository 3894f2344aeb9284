-- Give a direct message its place in an inbox, log it, and publish it; the same id once only.
-- KEYS  1 meta (hash: epoch, seq, channel, term, written_under, timeline)  2 log (stream)
--       3 ids (hash: idempotency key -> "seq digest", or whom it is for; see address.lua)
--       4 ids before those
-- ARGV  1 idempotency key  2 channel, if the inbox names no other  3 what to publish before it
--       4 JSON after {"seq":N,"at":T,"epoch":"E"  5 log length  6 ids to remember
--       7 epoch to use if there is none  8 milliseconds that the inbox lives from now on
--       9 digest of what is said  10 replication id of this server, or ''
-- Returns the seq: of this message, or of the one that had the same id; -1 if that said something
-- else.
local meta, log, ids, older = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
if redis.call('HSETNX', meta, 'epoch', ARGV[7]) == 1 then
  redis.call('DEL', log, ids, older)
end
local known = known_as(ids, older, ARGV[1])
local seq = known and seq_of(known, ARGV[9])
if seq then
  return seq
end
seq = redis.call('HINCRBY', meta, 'seq', 1)
local named = redis.call('HMGET', meta, 'epoch', 'channel', 'written_under')
note_timeline(meta, named[3], ARGV[10], seq - 1)
local message = '{"seq":' .. seq .. ',"at":' .. milliseconds()
  .. ',"epoch":"' .. named[1] .. '"' .. ARGV[4]
redis.call('XADD', log, 'MAXLEN', '~', ARGV[5], seq .. '-0', 'm', message)
-- Two generations of ids: at least the last ARGV[6] are remembered, at most twice that.
if redis.call('HLEN', ids) >= tonumber(ARGV[6]) then
  redis.call('RENAME', ids, older)
end
redis.call('HSET', ids, ARGV[1], seq .. ' ' .. ARGV[9])
for i = 1, #KEYS do
  redis.call('PEXPIRE', KEYS[i], ARGV[8])
end
redis.call('PUBLISH', named[2] or ARGV[2], ARGV[3] .. message)
return seq
