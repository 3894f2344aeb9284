-- Use an invitation once, or give a use back.
-- KEYS  1 invite (hash: uses, how many are left; until, a Unix time in seconds, 0 for no end; note)
-- ARGV  1 -1 to use it, 1 to give a use back
-- Returns 'ok'; 'wrong' if there is no such invitation; 'expired'; 'used' if no use is left.
local uses, till = unpack(redis.call('HMGET', KEYS[1], 'uses', 'until'))
if not uses then
  return 'wrong'
end
if tonumber(ARGV[1]) < 0 then
  till = tonumber(till) or 0
  if till > 0 and tonumber(redis.call('TIME')[1]) >= till then
    return 'expired'
  end
  if tonumber(uses) < 1 then
    return 'used'
  end
end
redis.call('HINCRBY', KEYS[1], 'uses', ARGV[1])
return 'ok'
