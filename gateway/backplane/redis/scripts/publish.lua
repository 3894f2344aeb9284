-- Log a message in a room under the next seq, and publish it as "=EPOCH message"; only once for an
-- idempotency key.
-- KEYS  1 meta (hash: epoch, seq, bytes, version, written_under, timeline)  2 log (stream)
--       3 ids  4 ids before those (hashes: idempotency key -> "seq digest")
--       5 members (hash: session -> "node term who")
-- ARGV  1 idempotency key  2 channel  3 JSON after {"seq":N,"at":T  4 log length
--       5 ids to remember  6 epoch to use if the room has none  7 digest of the message
--       8 replication id of this server, or ''  9 session  10 "node term "
--       11 bytes that the log keeps, about
-- Returns the seq of the message; if the key was used before, that of the first one, or -1 if that
-- was another message; nothing if the session is a member in a later term.
local meta, log, ids, older = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local remembered = tonumber(ARGV[5])
local member = redis.call('HGET', KEYS[5], ARGV[9])
if member and string.sub(member, 1, #ARGV[10]) ~= ARGV[10] then
  local term, own = string.match(member, ' (%d+) '), string.match(ARGV[10], ' (%d+) ')
  if tonumber(term or 0) > tonumber(own) then
    return false
  end
end
local had = redis.call('HMGET', meta, 'seq', 'epoch', 'written_under', 'bytes')
local seq = tonumber(had[1] or 0) + 1
local known = redis.call('HGET', ids, ARGV[1])
if not known and seq > remembered then
  known = redis.call('HGET', older, ARGV[1])
end
if known then
  return seq_of(known, ARGV[7])
end
local message = '{"seq":' .. seq .. ',"at":' .. milliseconds() .. ARGV[3]
local first, bytes = cut_by_bytes(log, had[4], #message, tonumber(ARGV[11]))
redis.call('HSET', meta, 'seq', seq, 'bytes', bytes)
local epoch = had[2]
if not epoch then
  epoch = ARGV[6]
  redis.call('HSET', meta, 'epoch', epoch)
  redis.call('DEL', log, ids, older)
end
if had[3] ~= ARGV[8] then
  note_timeline(meta, had[3], ARGV[8], seq - 1)
end
-- The stream's ids are the seqs, so that the log can be read from any seq.
append(log, seq, message, first, ARGV[4])
-- Two generations of ids: they cover the last ARGV[5] messages at least, and twice as many at most.
local renew = seq % remembered == 0 and redis.call('EXISTS', ids) == 1
if renew then
  redis.call('RENAME', ids, older)
end
redis.call('HSET', ids, ARGV[1], seq .. ' ' .. ARGV[7])
-- In a room without members the new generation expires together with the other keys.
local life = renew and redis.call('PTTL', meta) or -1
if life > 0 then
  redis.call('PEXPIRE', ids, life)
end
redis.call('PUBLISH', ARGV[2], '=' .. epoch .. ' ' .. message)
return seq
