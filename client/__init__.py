"""The chat client: a headless session (`session`), what a person sees of it (`model`), a desktop.

Beside the folders are `events`, `errors` and `addresses`, which several of them need. None of it
knows anything of the gateway but the protocol, `gateway.wire`.
"""
