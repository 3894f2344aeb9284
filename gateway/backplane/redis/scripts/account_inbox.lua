-- Functions for the inboxes of accounts; loaded before deliver.lua.

-- Returns what cut_by_bytes returns, and keeps to a number of messages, too. The log of an account may
-- be long: only what is dropped is read, in pages. 'counted' is right, since nothing else drops any.
local function cut_oldest(meta, log, seq, counted, added, most_bytes, most)
  local bytes = tonumber(counted or 0) + added
  local length = seq - (redis.call('HGET', meta, 'first') or 1) + 1
  if bytes <= most_bytes and length <= most + 100 then
    return nil, bytes
  end
  if bytes > most_bytes then
    -- A sixteenth is left free, so that this is not done for each message.
    most_bytes = most_bytes * 15 / 16
  end
  local from = '-'
  repeat
    local page = redis.call('XRANGE', log, from, '+', 'COUNT', 50)
    for _, entry in ipairs(page) do
      if bytes <= most_bytes and length <= most then
        redis.call('HSET', meta, 'first', seq - length + 1)
        return entry[1], bytes
      end
      bytes, length = bytes - #entry[2][2], length - 1
      from = '(' .. entry[1]
    end
  until #page < 50
  redis.call('HSET', meta, 'first', seq)
  return seq .. '-0', added
end

-- Forget the peers with whom nothing was said for the longest time, so that 'kept' of them are left.
local function forget_peers(peers, kept)
  local flat, tags, last = redis.call('HGETALL', peers), {}, {}
  for i = 1, #flat, 2 do
    tags[#tags + 1] = flat[i]
    last[flat[i]] = tonumber(string.match(flat[i + 1], '^%d+') or 0)
  end
  table.sort(tags, function(one, other) return last[one] > last[other] end)
  redis.call('HDEL', peers, unpack(tags, kept + 1))
end

-- Record the last message with a peer. Those who are too many are forgotten a tenth at a time.
local function note_peer(peers, seq, tag, added, nick, most)
  local had = redis.call('HGET', peers, tag)
  local incoming = tonumber(had and string.match(had, '^%d+ (%d+) ') or 0) + added
  redis.call('HSET', peers, tag, string.format('%d %d %s', seq, incoming, nick))
  if not had and redis.call('HLEN', peers) >= most * 1.1 then
    forget_peers(peers, most)
  end
end
