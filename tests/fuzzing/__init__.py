"""A server that answers with whatever comes to its mind: the client must bear all of it.

::

    python -m tests.fuzzing --handshakes 10000 --frames 100000 --seed 1

Short runs are part of the tests, in ``tests/unit/client/session/test_fuzzing.py``.
"""
