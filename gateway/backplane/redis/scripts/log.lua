-- Functions of the scripts that append to the log of a room or an inbox; loaded before each of them.

-- Returns the value of an idempotency key in the younger or older generation of ids, or false.
local function known_as(ids, older, key)
  return redis.call('HGET', ids, key) or redis.call('HGET', older, key)
end

-- Returns the seq in a key's value; -1 if its digest is another one; nothing if it has no seq.
local function seq_of(known, digest)
  local seq, said = string.match(known, '^(%d+) ?(%x*)$')
  if not seq then
    return nil
  end
  return (said == '' or said == digest) and tonumber(seq) or -1
end

-- Returns {seq, channel in meta or '', message}; the message is '' if the log does not have it.
local function logged(meta, log, seq)
  if seq < 0 then
    return {seq, '', ''}
  end
  local entry = redis.call('XRANGE', log, seq .. '-0', seq .. '-0')[1]
  return {seq, redis.call('HGET', meta, 'channel') or '', entry and entry[2][2] or ''}
end

-- Record in a log's meta under which replication id it is written after last_seq. The timeline has
-- the newest twenty or so entries "id:seq ", each with the last seq written under that id.
local function note_timeline(meta, written_under, replication_id, last_seq)
  if replication_id == '' or written_under == replication_id then
    return
  end
  if written_under then
    local ended = (redis.call('HGET', meta, 'timeline') or '')
      .. written_under .. ':' .. last_seq .. ' '
    if #ended > 1000 then
      ended = string.match(ended, '^%S+ (.*)$')
    end
    redis.call('HSET', meta, 'timeline', ended)
  end
  redis.call('HSET', meta, 'written_under', replication_id)
end

-- Returns where a log is to be cut before a message of some bytes is appended, so that it keeps about
-- 'most' bytes: the id of the first entry to keep, or nothing; and the bytes that it has after that.
-- 'counted' may be too high, since entries are dropped by their number, too; then it is corrected.
local function cut_by_bytes(log, counted, added, most)
  local bytes = tonumber(counted or 0) + added
  if bytes <= most then
    return nil, bytes
  end
  bytes = added
  local from = '+'
  while true do
    local page = redis.call('XREVRANGE', log, from, '-', 'COUNT', 50)
    for _, entry in ipairs(page) do
      bytes = bytes + #entry[2][2]
      -- A quarter is left free, so that this is not done for each message.
      if bytes > most * 3 / 4 then
        return entry[1], bytes
      end
      from = '(' .. entry[1]
    end
    if #page < 50 then
      return nil, bytes
    end
  end
end

-- Append a message to a log under its seq, and cut the log by bytes or else by its length.
local function append(log, seq, message, first, length)
  if first then
    redis.call('XADD', log, 'MINID', first, seq .. '-0', 'm', message)
  else
    redis.call('XADD', log, 'MAXLEN', '~', length, seq .. '-0', 'm', message)
  end
end

local function milliseconds()
  local now = redis.call('TIME')
  return string.format('%d', now[1] * 1000 + math.floor(now[2] / 1000))
end
