-- Replace messages in a room's log with tombstones, in several calls, and publish the erasure.
-- Entries of a stream cannot be changed: the log is copied, and in the end the copy replaces it.
-- KEYS  1 meta (hash: epoch, seq, erasures, erased, …)  2 log (stream)  3 copy of the log (stream)
--       4 owner of the copy (string: token)
-- ARGV  1 token  2 epoch of the room  3 milliseconds until another erasure may begin a copy
--       4 bytes to copy in this call, or 0 if no message in the log is to be replaced
--       5 erased seqs to record at most  6 channel  7 seq up to which all is erased, or 0
--       8... seqs of the messages to erase
-- Returns {'more'} if it must be called again, {'done', nodes notified}, {'busy'} during another
-- erasure's copy, or {'changed'} if the room is in another epoch. Safe to repeat.
local PAGE, ENTRY = 50, 500 -- entries read at once; bytes that an entry counts for, beside its own
local meta, log, copy, owner = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local most, up_to = tonumber(ARGV[4]), tonumber(ARGV[7])
local epoch = redis.call('HGET', meta, 'epoch')
local token = redis.call('GET', owner)
-- A life longer than it can be was set before the clock was set back.
local broken_off = redis.call('PTTL', owner) > tonumber(ARGV[3])
if token and token ~= ARGV[1] and not broken_off then
  return {'busy'}
end
if epoch ~= ARGV[2] then
  redis.call('UNLINK', copy, owner)
  return {'changed'}
end
local wanted = {}
for i = 8, #ARGV do
  wanted[ARGV[i]] = true
end

-- In a JSON string every quote is escaped: neither mark can be a part of a text.
local function tombstone(message)
  local text = string.find(message, ',"text":"', 1, true)
  local tail = text and string.find(message, ',"id":"', text, true)
  if tail then
    return string.sub(message, 1, text - 1) .. ',"text":"","erased":true' .. string.sub(message, tail)
  end
end

if most > 0 then
  if token ~= ARGV[1] then
    redis.call('UNLINK', copy)
  end
  local last = redis.call('XREVRANGE', copy, '+', '-', 'COUNT', 1)[1]
  local from, bytes, at_end = last and '(' .. last[1] or '-', 0, false
  while bytes < most and not at_end do
    local entries = redis.call('XRANGE', log, from, '+', 'COUNT', PAGE)
    for _, entry in ipairs(entries) do
      local id, fields = entry[1], entry[2]
      local seq = string.match(id, '^%d+')
      from = '(' .. id
      if tonumber(seq) <= up_to or wanted[seq] then
        -- An entry that is no message was put there by another program: it is dropped.
        local grave = tombstone(fields[2])
        fields = grave and {'m', grave}
      end
      if fields then
        redis.call('XADD', copy, id, unpack(fields))
        bytes = bytes + ENTRY + #fields[2]
      end
    end
    at_end = #entries < PAGE
  end
  if not at_end then
    redis.call('SET', owner, ARGV[1], 'PX', ARGV[3])
    redis.call('PEXPIRE', copy, ARGV[3])
    return {'more'}
  end
  local life = redis.call('PTTL', log)
  redis.call('UNLINK', log)
  if life ~= -2 and redis.call('EXISTS', copy) == 1 then
    redis.call('RENAME', copy, log)
    if life > 0 then
      redis.call('PEXPIRE', log, life)
    else
      redis.call('PERSIST', log)
    end
  end
  redis.call('UNLINK', copy, owner)
end

-- The record: the seq up to which all are erased, and erased seqs after it in order of erasure.
local record = redis.call('HGET', meta, 'erased') or ''
local covered = math.max(up_to, tonumber(string.match(record, '"up_to":(%d+)') or 0))
local seqs, known, news = {}, {}, up_to > 0 and 1 or 0
for seq in string.gmatch(string.match(record, '%[([%d,]*)%]') or '', '%d+') do
  if tonumber(seq) > covered then
    seqs[#seqs + 1], known[seq] = seq, true
  end
end
for i = 8, #ARGV do
  if tonumber(ARGV[i]) > covered and not known[ARGV[i]] then
    seqs[#seqs + 1], known[ARGV[i]], news = ARGV[i], true, news + 1
  end
end
local first = math.max(1, #seqs - tonumber(ARGV[5]) + 1)
local count = redis.call('HINCRBY', meta, 'erasures', news)
local function json(reach, list, from)
  return '"count":' .. count .. ',"up_to":' .. string.format('%d', reach)
    .. ',"seqs":[' .. table.concat(list, ',', from) .. ']}'
end
redis.call('HSET', meta, 'erased', '{' .. json(covered, seqs, first))
local payload = '{"erased":{"epoch":"' .. epoch .. '",' .. json(up_to, ARGV, 8) .. '}'
return {'done', redis.call('PUBLISH', ARGV[6], payload)}
