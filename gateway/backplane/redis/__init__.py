"""The Redis client: connections, pipelining, the subscription, Sentinel, Lua scripts, errors.

It knows neither rooms nor people.
"""
