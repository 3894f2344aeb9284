"""Authentication, by pure functions: who somebody is.

Ids of accounts and devices, session secrets, device tokens, codes, hashes of passwords, JWTs. What
takes threads, files or the network is in `gateway.credentials`; what a password must be, which
clients ask too, in `gateway.wire.passwords`; what somebody may do, in `gateway.policy`.
"""
