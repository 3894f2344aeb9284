-- Delete a ban, and those that have ended.
-- KEYS  1 bans  2 ends  3 version, as in ban.lua
-- ARGV  1 target  2 new version
-- Returns 1 if there was one that had not ended, else 0.
expire()
redis.call('ZREM', ends, ARGV[1])
local removed = redis.call('HDEL', bans, ARGV[1])
redis.call('SET', KEYS[3], ARGV[2])
return removed
