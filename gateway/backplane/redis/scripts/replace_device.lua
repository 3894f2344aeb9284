-- Replace what is stored of a device, unless that has changed.
-- KEYS  1 devices (hash: device -> JSON)
-- ARGV  1 device  2 JSON as it was read  3 new JSON
-- Returns 1 if it was replaced, else 0.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
