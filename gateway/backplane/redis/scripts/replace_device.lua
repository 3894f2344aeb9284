-- Replace what is stored of a device, unless its token has changed.
-- KEYS  1 devices (hash: device -> JSON)
-- ARGV  1 device  2 the hash of its token  3 that of the token offered, or ''  4 new JSON
-- Returns 1 if it was replaced, else 0.
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if not stored then
  return 0
end
local readable, device = pcall(cjson.decode, stored)
if not readable or (device.hash or '') ~= ARGV[2] or (device.next or '') ~= ARGV[3] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
return 1
