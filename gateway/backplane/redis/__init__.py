"""How commands reach Redis: connections, pipelining, the subscription, Sentinel, Lua scripts.

It knows neither rooms nor people. Redis's errors are translated here.
"""
