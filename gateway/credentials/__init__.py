"""Checks of who somebody is that take threads, files or the network: passwords, keys of JWTs.

What can be decided without these is in `gateway.auth`.
"""
