-- Put a session into a room, or give one that is there another name or status, and announce it.
-- KEYS  1 meta  2 members (hash: session -> "node who")  3 log  4 ids  5 older ids
-- ARGV  1 session  2 "node who"  3 channel  4 JSON after {"version":N  5 epoch if there is none
--       6 'again' if it must not be taken from another node, which it may have moved to
-- Gives the room's epoch. Repeating it changes nothing.
local meta, members = KEYS[1], KEYS[2]
if redis.call('HSETNX', meta, 'epoch', ARGV[5]) == 1 then
  redis.call('DEL', KEYS[3], KEYS[4], KEYS[5])
end
local member = redis.call('HGET', members, ARGV[1])
local elsewhere = member and string.match(member, '^[^~ ]+') ~= string.match(ARGV[2], '^[^~ ]+')
if member == ARGV[2] or (elsewhere and ARGV[6] == 'again') then
  return redis.call('HGET', meta, 'epoch')
end
if redis.call('EXISTS', members) == 0 then
  for i = 1, #KEYS do
    redis.call('PERSIST', KEYS[i])
  end
end
redis.call('HSET', members, ARGV[1], ARGV[2])
local version = redis.call('HINCRBY', meta, 'version', 1)
redis.call('PUBLISH', ARGV[3], '{"version":' .. version .. ARGV[4])
return redis.call('HGET', meta, 'epoch')
