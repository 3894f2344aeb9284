"""Ports for servers that a test starts and that cannot say which one they were given."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import cache
from itertools import cycle
from typing import Final

HOST: Final = "127.0.0.1"
PORTS: Final = range(15_000, 32_000)
"""Below those that systems give to outgoing connections: one of them would take the port before
the server does."""
BLOCK: Final = 200
"""Ports that each test process has to itself: several run side by side."""


def loopbacks() -> list[str]:
    """Return this machine's loopback addresses: that of IPv4 and, if it has IPv6, that of IPv6."""
    return [HOST, *filter(_has, ["::1"])]


def _has(address: str) -> bool:
    try:
        socket.create_server((address, 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """Return a port that nobody has; it comes again only after all others of this process."""
    return next(port for port in _own_ports() if _is_free(port))


@cache
def _own_ports() -> Iterator[int]:
    """Claim the first block that is no other test process's; it is ours until we end.

    :raises StopIteration: if there is none left.
    """
    return next(cycle(range(begin, begin + BLOCK)) for begin in PORTS[::BLOCK] if _claim(begin))


def _claim(port: int) -> bool:
    """Take a port for UDP, which serves nobody here: TCP may be had on it all the same.

    The system gives it back however this process ends.
    """
    claim = socket.socket(type=socket.SOCK_DGRAM)
    try:
        claim.bind((HOST, port))
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    return True


_claims: Final[list[socket.socket]] = []


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
