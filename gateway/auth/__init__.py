"""Who somebody is, by pure functions: session secrets and the ids that they stand for.

Passwords, device tokens and JWTs belong here too. What somebody may do is `gateway.policy`.
"""
