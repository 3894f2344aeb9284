"""Ports for servers that a test starts and that cannot say which one they were given."""

from __future__ import annotations

import os
import socket
from itertools import cycle
from typing import Final

HOST: Final = "127.0.0.1"
PORTS: Final = range(15_000, 32_000)
"""Below those that systems give to outgoing connections: one of them would take the port before
the server does."""

_begin: Final = os.getpid() * 50 % len(PORTS)
_candidates: Final[cycle[int]] = cycle([*PORTS[_begin:], *PORTS[:_begin]])


def free_port() -> int:
    """Give a port that nobody has, another one each time."""
    for port in _candidates:
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise AssertionError("a cycle has no end")
