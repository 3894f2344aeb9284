-- Add a device to an active account; over the most it may have, those unused longest are deleted.
-- KEYS  1 meta (hash: state, version, ... of the account)  2 devices (hash: device -> JSON)
-- ARGV  1 device  2 JSON  3 devices at most  4 the account's version, or '' for any
-- Returns {0, the devices that were deleted}; {-1} if the account is not active, or there is none;
-- {-2} if it has another version.
local meta, devices = KEYS[1], KEYS[2]
if redis.call('HGET', meta, 'state') ~= 'active' then
  return {-1}
end
if ARGV[4] ~= '' and redis.call('HGET', meta, 'version') ~= ARGV[4] then
  return {-2}
end
redis.call('HSET', devices, ARGV[1], ARGV[2])
local over = redis.call('HLEN', devices) - tonumber(ARGV[3])
if over <= 0 then
  return {0, {}}
end
local flat, others = redis.call('HGETALL', devices), {}
for i = 1, #flat, 2 do
  if flat[i] ~= ARGV[1] then
    local readable, device = pcall(cjson.decode, flat[i + 1])
    local seen = readable and type(device) == 'table' and tonumber(device.seen) or 0
    others[#others + 1] = {seen, flat[i]}
  end
end
table.sort(others, function(one, other)
  if one[1] ~= other[1] then
    return one[1] < other[1]
  end
  return one[2] < other[2]
end)
local deleted = {}
for i = 1, over do
  deleted[i] = others[i][2]
  redis.call('HDEL', devices, deleted[i])
end
return {0, deleted}
