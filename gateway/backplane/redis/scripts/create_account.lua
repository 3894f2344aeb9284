-- Create an account, unless it exists, perhaps with its first device.
-- KEYS  1 meta (hash: the fields of an account, and version, which counts its changes)
--       2 devices (hash: device -> JSON)
-- ARGV  1 device, or '' for none  2 its JSON  3... field, value, ... of the account
-- Returns when it was created: a Unix time in seconds.
local created = redis.call('HGET', KEYS[1], 'created')
if created then
  return tonumber(created)
end
local now = tonumber(redis.call('TIME')[1])
redis.call('HSET', KEYS[1], 'created', now, 'version', 1)
for i = 3, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
if ARGV[1] ~= '' then
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
end
return now
