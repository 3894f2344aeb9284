"""Rules for what is allowed: nicknames, room names, rates, permissions. Pure.

Where and when a rule is applied is up to its callers.
"""
