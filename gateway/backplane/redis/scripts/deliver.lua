-- Log a direct message in an inbox under the next seq; only once for an idempotency key.
-- KEYS  1 meta (hash: epoch, seq, bytes, channel, term, written_under, timeline; first: the oldest
--         message in the log of an account)  2 log (stream)
--       3 ids (hash: idempotency key -> "seq digest", or a recipient; see address.lua)
--       4 ids before those
--       5 peers, only in the inbox of an account (hash: tag -> "LASTSEQ INCOMING NICK")
-- ARGV  1 idempotency key  2 JSON after {"seq":N,"at":T,"epoch":"E"  3 log length
--       4 ids to remember  5 epoch to use if there is none  6 digest of the message
--       7 replication id of this server, or ''  8 bytes that the log keeps, about
--       and with key 5: 9 tag of the other person  10 1 if the message is from them, else 0
--       11 their nickname  12 peers to keep
-- Returns {seq, channel of the inbox or '', message} for the caller to publish. If the key was used
-- before, these are of the first message, '' if the log no longer has it; the seq is -1 if that was
-- another message.
local meta, log, ids, older, peers = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
if redis.call('HSETNX', meta, 'epoch', ARGV[5]) == 1 then
  redis.call('DEL', unpack(KEYS, 2))
end
local known = known_as(ids, older, ARGV[1])
local seq = known and seq_of(known, ARGV[6])
if seq then
  return logged(meta, log, seq)
end
seq = redis.call('HINCRBY', meta, 'seq', 1)
local named = redis.call('HMGET', meta, 'epoch', 'channel', 'written_under', 'bytes')
note_timeline(meta, named[3], ARGV[7], seq - 1)
local message = '{"seq":' .. seq .. ',"at":' .. milliseconds()
  .. ',"epoch":"' .. named[1] .. '"' .. ARGV[2]
local length, first, bytes = ARGV[3], nil, nil
if peers then
  first, bytes = cut_oldest(meta, log, seq, named[4], #message, tonumber(ARGV[8]), tonumber(length))
  length = 2 * length  -- cut_oldest has kept to it
else
  first, bytes = cut_by_bytes(log, named[4], #message, tonumber(ARGV[8]))
end
redis.call('HSET', meta, 'bytes', bytes)
append(log, seq, message, first, length)
-- Two generations of ids: ARGV[4] of them at least, and twice as many at most.
if redis.call('HLEN', ids) >= tonumber(ARGV[4]) then
  redis.call('RENAME', ids, older)
end
redis.call('HSET', ids, ARGV[1], seq .. ' ' .. ARGV[6])
if peers then
  note_peer(peers, seq, ARGV[9], tonumber(ARGV[10]), ARGV[11], tonumber(ARGV[12]))
end
return {seq, named[2] or '', message}
