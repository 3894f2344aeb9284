-- Return the replication id by which all nodes name the data of this server.
-- KEYS  1 server (hash: run_id, replication_id)
-- ARGV  1 id of the server's process  2 replication id; the id of the process, unless the server
--       was promoted and has been given this id then
-- The id that is stored holds for as long as the process runs and is not promoted.
local server = redis.call('HMGET', KEYS[1], 'run_id', 'replication_id')
if server[1] == ARGV[1] and (server[2] == ARGV[2] or ARGV[1] == ARGV[2]) then
  return server[2]
end
redis.call('HSET', KEYS[1], 'run_id', ARGV[1], 'replication_id', ARGV[2])
return ARGV[2]
