-- Free a nickname that is reserved for an account, at once or at a time.
-- KEYS  1 reserved, as in reserved.lua
-- ARGV  1 folded  2 account  3 Unix time in seconds at which it is free, or '' for now
-- Returns 1 if it was reserved for the account, else 0.
if reserved_for(KEYS[1], ARGV[1]) ~= ARGV[2] then
  return 0
end
if ARGV[3] == '' then
  return redis.call('HDEL', KEYS[1], ARGV[1])
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
return 1
