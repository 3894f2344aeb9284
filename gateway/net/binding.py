"""Which addresses a host stands for, and the listening sockets that are bound to them."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import sys
from collections.abc import Sequence
from typing import Any, Final

import trio

from gateway.net.client_address import host_port

BACKLOG: Final = 4096
"""Connections that the kernel keeps until they are accepted; it may have a lower limit."""
PORT_ATTEMPTS: Final = 10
"""Ports that are tried for port 0, until one is free on every address."""

_EVERY_INTERFACE: Final = ("0.0.0.0", "::")  # noqa: S104
_LOOPBACK: Final = ("127.0.0.1", "::1")
_NAMES: Final = {"": _EVERY_INTERFACE, "*": _EVERY_INTERFACE, "localhost": _LOOPBACK}
"""Names that stand for one address of each family, whatever the machine's resolver says."""
_NOT_HERE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""The machine has no such address; with IPv6 turned off, it has none of that family."""
_REUSE: Final = "SO_EXCLUSIVEADDRUSE" if sys.platform == "win32" else "SO_REUSEADDR"

Address = tuple[socket.AddressFamily, tuple[Any, ...]]
"""A family, and a socket address of it, as `socket.getaddrinfo` returns them."""


class CannotListen(Exception):
    """The host or the port cannot be had; the text is one line for the operator.

    ``setting`` is the one to change: ``host`` or ``port``.
    """

    def __init__(self, setting: str, reason: str, *, taken: bool = False) -> None:
        super().__init__(reason)
        self.setting = setting
        self.taken = taken
        """Whether the port is in use, so that another one may be free."""


async def open_listeners(host: str, port: int) -> list[socket.socket]:
    """Listen on every address that a host stands for.

    - ``host``: a name or an address. An empty one, ``*``, ``0.0.0.0`` and ``::`` all stand for
      every interface, with IPv4 and IPv6; ``localhost`` for the loopback addresses of both.
    - ``port``: 0 stands for any free one, the same on every address.

    An address that the machine does not have is passed over, unless there is no other.

    :returns: non-blocking sockets, those of IPv4 first, of which the caller closes each.
    :raises CannotListen: if that fails.
    """
    addresses = await _addresses(host)
    attempts = PORT_ATTEMPTS if port == 0 else 1
    while True:
        attempts -= 1
        try:
            return _bind_all(addresses, port)
        except CannotListen as error:
            if not (error.taken and attempts):
                raise


async def _addresses(host: str) -> list[Address]:
    """Return the addresses that a host stands for, those of IPv4 first, each once."""
    try:
        found = [address for name in _NAMES.get(host, (host,)) for address in await _resolve(name)]
        if any(ipaddress.ip_address(address[0]).is_unspecified for _, address in found):
            found = [address for name in _EVERY_INTERFACE for address in await _resolve(name)]
    except (OSError, UnicodeError) as error:
        reason = "no host name" if isinstance(error, UnicodeError) else error.strerror
        raise CannotListen(
            "host",
            f"{host!r} cannot be resolved ({reason}): give an address of this machine, or "
            "0.0.0.0 for every interface",
        ) from error
    return sorted(dict.fromkeys(found), key=lambda each: each[0] != socket.AF_INET)


async def _resolve(name: str) -> list[Address]:
    mapped = ipaddress.IPv6Address(name).ipv4_mapped if ":" in name else None
    found = await trio.socket.getaddrinfo(str(mapped or name), 0, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


def _bind_all(addresses: Sequence[Address], port: int) -> list[socket.socket]:
    """Return a listening socket for each address that the machine has; at least one."""
    with contextlib.ExitStack() as opened:
        bound: list[socket.socket] = []
        refusals: list[CannotListen] = []
        for family, (host, _, *rest) in addresses:
            number = port or (bound[0].getsockname()[1] if bound else 0)
            try:
                bound.append(opened.enter_context(_bind(family, (host, number, *rest))))
            except OSError as error:
                refusals.append(_refusal(error, host, number))
                if error.errno not in _NOT_HERE:
                    raise refusals[-1] from error
        if not bound:
            raise refusals[0]
        opened.pop_all()
        return bound


def _bind(family: socket.AddressFamily, address: tuple[Any, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.settimeout(0)
        listener.setsockopt(socket.SOL_SOCKET, getattr(socket, _REUSE), 1)
        # Accepted sockets inherit it, which saves a system call for each.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            # IPv4 has a socket of its own, so that its clients have addresses of its own kind.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _refusal(error: OSError, address: str, port: int) -> CannotListen:
    """Return what to say and what to do about an address that cannot be bound."""
    place = host_port(address, port)
    if error.errno == errno.EADDRINUSE:
        advice = "end the program that listens there, or choose another port"
        return CannotListen("port", f"{port} is taken, at {place}: {advice}", taken=True)
    if error.errno in {errno.EACCES, errno.EPERM}:
        advice = "choose a port from 1024 up"
        return CannotListen("port", f"this user may not listen on {place}: {advice}")
    if error.errno in _NOT_HERE:
        advice = "give one that it has, or 0.0.0.0 for every interface"
        return CannotListen("host", f"this machine has no address {address}: {advice}")
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno == errno.EINVAL and address.startswith("fe80"):
        reason = f"the interface is missing, as in {address}%eth0"
    return CannotListen("host", f"cannot listen on {place}: {reason}")
