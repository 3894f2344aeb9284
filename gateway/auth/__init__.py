"""Authentication, by pure functions: session secrets, and the session ids made from them.

Passwords, device tokens and JWTs belong here too. What somebody may do is in `gateway.policy`.
"""
