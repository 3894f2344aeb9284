-- Delete the bans that have ended.
-- KEYS  1 bans  2 ends, as in bans.lua
expire()
