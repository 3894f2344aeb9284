-- Give a message its place in the room's order, log it, and publish it; the same id once only.
-- KEYS  1 meta (hash: epoch, seq, version)  2 log (stream)  3 ids  4 ids before those (hashes)
-- ARGV  1 idempotency key  2 channel  3 JSON after {"seq":N,"at":T  4 log length  5 ids to remember
--       6 epoch to use if the room has none
-- Gives the seq: of this message, or of the one that had the same id.
local meta, log, ids, older = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local known = redis.call('HGET', ids, ARGV[1]) or redis.call('HGET', older, ARGV[1])
if known then
  return tonumber(known)
end
local seq = redis.call('HINCRBY', meta, 'seq', 1)
if seq == 1 and redis.call('HSETNX', meta, 'epoch', ARGV[6]) == 1 then
  redis.call('DEL', log, ids, older)
end
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local message = '{"seq":' .. seq .. ',"at":' .. string.format('%d', at) .. ARGV[3]
-- The stream's ids are the seqs, so that the log can be read from any place by its seq.
redis.call('XADD', log, 'MAXLEN', '~', ARGV[4], seq .. '-0', 'm', message)
-- Two generations of ids: at least the last ARGV[5] messages are remembered, at most twice that.
local renew = seq % tonumber(ARGV[5]) == 0 and redis.call('EXISTS', ids) == 1
if renew then
  redis.call('RENAME', ids, older)
end
redis.call('HSET', ids, ARGV[1], seq)
-- In a room left empty the new generation, too, lives only as long as the rest.
local life = renew and redis.call('PTTL', meta) or -1
if life > 0 then
  redis.call('PEXPIRE', ids, life)
end
redis.call('PUBLISH', ARGV[2], message)
return seq
