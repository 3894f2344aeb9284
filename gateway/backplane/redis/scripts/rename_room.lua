-- Give a room another key and a name, in an upgrade, in one step. Its keys are not on one hash slot:
-- data of schema 2 are on one server.
-- KEYS  1-6 the room's present keys: meta, members, log, ids, older ids, accounts
--       7-12 its new ones  13 the log with the new name, if it was copied
--       14 index  15 counts (sorted sets of rooms)  16... the rooms of each node (sets)
-- ARGV  1 present key of its name  2 new key  3 name
redis.call('HSET', KEYS[1], 'name', ARGV[3], 'settled', 1)
if redis.call('EXISTS', KEYS[13]) == 1 then
  redis.call('RENAME', KEYS[13], KEYS[3])
  local life = redis.call('PTTL', KEYS[1])
  if life > 0 then
    redis.call('PEXPIRE', KEYS[3], life)
  end
end
if ARGV[1] == ARGV[2] then
  return 0
end
for i = 1, 6 do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    redis.call('RENAME', KEYS[i], KEYS[i + 6])
  else
    redis.call('DEL', KEYS[i + 6])
  end
end
for i = 14, 15 do
  local score = redis.call('ZSCORE', KEYS[i], ARGV[1])
  if score then
    redis.call('ZADD', KEYS[i], score, ARGV[2])
    redis.call('ZREM', KEYS[i], ARGV[1])
  end
end
for i = 16, #KEYS do
  if redis.call('SREM', KEYS[i], ARGV[1]) == 1 then
    redis.call('SADD', KEYS[i], ARGV[2])
  end
end
return 0
