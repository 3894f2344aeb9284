-- Change fields of an account, if it exists.
-- KEYS  1 meta (hash: the fields of an account, and version, which counts its changes)
-- ARGV  1 the version that is to be changed, or '' for any
--       2... field, value, ...
-- Returns its new version; 0 if there is no such account; -1 if it has another version.
local version = redis.call('HGET', KEYS[1], 'version')
if not version then
  return 0
end
if ARGV[1] ~= '' and ARGV[1] ~= version then
  return -1
end
for i = 2, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
return redis.call('HINCRBY', KEYS[1], 'version', 1)
