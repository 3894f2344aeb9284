-- Read a room at one moment, with the messages after a seq or the newest ones.
-- KEYS  1 meta  2 members  3 log
-- ARGV  1 seq after which to read, or -1 for the newest messages  2 how many messages at most
--       3 version of the members that the reader knows
-- Returns {epoch, seq, version, messages in order, members flat, or none if the version is known,
-- erasures as JSON or '', timeline, replication id of the last write}.
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'version', 'erased', 'timeline',
  'written_under')
local seq, version = tonumber(meta[2] or 0), tonumber(meta[3] or 0)
local entries, messages = nil, {}
if ARGV[1] == '-1' then
  entries = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', ARGV[2])
  for i = #entries, 1, -1 do
    messages[#messages + 1] = entries[i][2][2]
  end
elseif seq > tonumber(ARGV[1]) then
  entries = redis.call('XRANGE', KEYS[3], '(' .. ARGV[1] .. '-0', '+', 'COUNT', ARGV[2])
  for i = 1, #entries do
    messages[i] = entries[i][2][2]
  end
end
local members = {}
if version ~= tonumber(ARGV[3]) then
  members = redis.call('HGETALL', KEYS[2])
end
return {meta[1] or '', seq, version, messages, members, meta[4] or '', meta[5] or '', meta[6] or ''}
