"""How commands reach Redis: connections, pipelining, the subscription, Sentinel, Lua scripts.

It knows no rooms and no people. Everything that Redis can answer wrongly is translated here.
"""
