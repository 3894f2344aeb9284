-- Record that what a room's name looks like is claimed for it, unless the room is gone.
-- KEYS  1 meta (hash: name, settled, …)
if redis.call('HEXISTS', KEYS[1], 'name') == 1 then
  redis.call('HSET', KEYS[1], 'settled', 1)
end
return 0
