"""The promises of ``gateway/PROTOCOL.md``, tried one by one against any server.

::

    python -m tests.conformance ws://HOST:PORT/ws [--second ws://HOST:PORT/ws]

A promise is a function in `tests.conformance.promises` that does what a client would do, and checks
what it hears. Authors of a server run them; authors of a client read them. Each promise uses
nicknames and rooms of its own, so that the server may be in use meanwhile.
"""
