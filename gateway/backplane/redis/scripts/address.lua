-- Record the recipient of a session's direct message, so that another attempt has the same one.
-- KEYS  1 meta (hash: epoch, seq, channel, term)  2 log (stream)
--       3 ids  4 ids before those (hashes): all of the sender's own inbox
-- ARGV  1 idempotency key  2 recipient, or '' to record none  3 ids to remember
--       4 epoch to use if there is none  5 digest of text and nickname  6 term
-- Returns the recipient first recorded; what deliver.lua returns, if the message is in the sender's
-- inbox already; nothing if there is no recipient; -1 if the key was used for another message; -2 if
-- the session was moved in a later term.
local meta, log, ids, older = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
if tonumber(redis.call('HGET', meta, 'term') or 0) > tonumber(ARGV[6]) then
  return -2
end
local known = known_as(ids, older, ARGV[1])
if known and redis.call('HEXISTS', meta, 'epoch') == 1 then
  local digest, whom = string.match(known, '^@(%x*) (.*)$')
  if digest then
    return digest == ARGV[5] and whom or -1
  end
  local seq = seq_of(known, ARGV[5])
  return seq and logged(meta, log, seq)
end
if ARGV[2] == '' then
  return false
end
if redis.call('HSETNX', meta, 'epoch', ARGV[4]) == 1 then
  redis.call('DEL', log, ids, older)
end
if redis.call('HLEN', ids) >= tonumber(ARGV[3]) then
  redis.call('RENAME', ids, older)
end
redis.call('HSET', ids, ARGV[1], '@' .. ARGV[5] .. ' ' .. ARGV[2])
return ARGV[2]
