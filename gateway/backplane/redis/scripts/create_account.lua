-- Create an account, unless it exists, perhaps with its first device.
-- KEYS  1 meta (hash: the fields of an account, and version, which counts its changes)
--       2 devices (hash: device -> JSON)
-- ARGV  1 device, or '' for none  2 its JSON  3... field, value, ... of the account
-- Returns 1 if it was created, 0 if there was one.
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('HSET', KEYS[1], 'created', redis.call('TIME')[1], 'version', 1)
for i = 3, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
if ARGV[1] ~= '' then
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
end
return 1
