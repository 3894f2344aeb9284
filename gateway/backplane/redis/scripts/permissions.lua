-- Try every command that a node needs on its data, to find those that its user may not run.
-- A server checks permissions first. The commands change nothing: the key is a string, which they
-- refuse where they are for another type, and it is deleted in the end.
-- KEYS  1 a key for this alone
-- ARGV  1 a channel that nobody subscribes to
-- Returns pairs of a command and the error that it failed with, whatever the reason.
local key, channel = KEYS[1], ARGV[1]
local attempts = {
  {'SET', key, '', 'PX', 1000}, {'GET', key}, {'TIME'}, {'PUBLISH', channel, ''},
  {'HDEL', key, 'f'}, {'HEXISTS', key, 'f'}, {'HGET', key, 'f'}, {'HGETALL', key},
  {'HINCRBY', key, 'f', 1}, {'HKEYS', key}, {'HLEN', key}, {'HMGET', key, 'f'}, {'HSCAN', key, 0},
  {'HSET', key, 'f', ''}, {'HSETNX', key, 'f', ''},
  {'SADD', key, 'm'}, {'SREM', key, 'm'}, {'SSCAN', key, 0},
  {'XADD', key, '*', 'f', ''}, {'XRANGE', key, '-', '+'}, {'XREVRANGE', key, '+', '-'},
  {'ZADD', key, 0, 'm'}, {'ZCARD', key}, {'ZRANDMEMBER', key}, {'ZRANGEBYSCORE', key, 0, 0},
  {'ZREM', key, 'm'}, {'ZREVRANGEBYSCORE', key, 0, 0},
  {'SCAN', 0, 'COUNT', 1}, {'EXISTS', key}, {'PEXPIRE', key, 1000}, {'PTTL', key},
  {'PERSIST', key}, {'RENAME', key, key}, {'DEL', key}, {'UNLINK', key},
}
local failed = {}
for _, attempt in ipairs(attempts) do
  local reply = redis.pcall(unpack(attempt))
  if type(reply) == 'table' and reply.err then
    failed[#failed + 1] = attempt[1]
    failed[#failed + 1] = reply.err
  end
end
return failed
