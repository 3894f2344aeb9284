-- Record a ban, or change the one of the same target; delete those that have ended.
-- KEYS  1 bans  2 ends, as in bans.lua  3 version (string: changes with each change of the bans)
-- ARGV  1 target  2 JSON  3 end in milliseconds, or 'inf'  4 bans to keep at most  5 new version
-- Returns 1 if it is new, 0 if it was changed, -1 if there are too many, -2 if its end is past.
expire()
if ARGV[3] ~= 'inf' and tonumber(ARGV[3]) <= now then
  return -2
end
local is_new = redis.call('HEXISTS', bans, ARGV[1]) == 0
if is_new and redis.call('HLEN', bans) >= tonumber(ARGV[4]) then
  return -1
end
redis.call('HSET', bans, ARGV[1], ARGV[2])
redis.call('ZADD', ends, ARGV[3], ARGV[1])
redis.call('SET', KEYS[3], ARGV[5])
return is_new and 1 or 0
