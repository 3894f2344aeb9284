"""What is allowed, by pure functions: nicknames, room names, rates; later, permissions.

Each rule answers for a value and does no I/O. Who applies it, and when, is not decided here.
"""
