"""The address of a client: host and port, and whether it is one of a list of networks. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, NamedTuple

Network = IPv4Network | IPv6Network

_LIMITED_BITS: Final = 64
"""The part of an IPv6 address that is limited as one: a customer has a /64 at least."""

_REMEMBERED: Final = 4_096
"""Addresses that are kept parsed."""


def bracketed(host: str) -> str:
    """Return a host as it is written before a port: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def host_port(host: str, port: int) -> str:
    """Return ``host:port``, with brackets around an IPv6 address."""
    return f"{bracketed(host)}:{port}"


class ClientAddress(NamedTuple):
    """Where a client is: an IPv4 or IPv6 address as text, and its port, or 0 if unknown."""

    host: str
    port: int = 0

    def __str__(self) -> str:
        return host_port(self.host, self.port) if self.port else bracketed(self.host)

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine's own loopback address."""
        try:
            return _parsed(self.host).is_loopback
        except ValueError:
            return False

    def is_in(self, networks: Sequence[Network]) -> bool:
        """Return whether it belongs to one of these networks."""
        if not networks:
            return False
        try:
            address = _parsed(self.host)
        except ValueError:
            return False
        return any(address in network for network in networks)

    def limited_as(self) -> str:
        """Return what stands for the client in limits by address: IPv4 address, or IPv6 /64."""
        if ":" not in self.host:
            return self.host
        network = IPv6Network((self.host.partition("%")[0], _LIMITED_BITS), strict=False)
        return str(network)


@lru_cache(_REMEMBERED)
def _parsed(host: str) -> IPv4Address | IPv6Address:
    """Return an address; many connections come from few, and each is asked about several times."""
    return ip_address(host)


def exempt_networks(listed: Sequence[Network], proxies: Sequence[Network]) -> list[Network]:
    """Return the networks that limits by address leave out: the proxies, and those listed.

    Loopback does not count if a trusted proxy speaks from it: its clients may be anybody.
    """
    from_loopback = any(proxy.is_loopback for proxy in proxies)
    return [*proxies, *(net for net in listed if not (from_loopback and net.is_loopback))]


def parse_address(host: str, port: str = "0") -> ClientAddress:
    """Return the address with this host and port.

    An IPv4 address in IPv6 clothes, ``::ffff:192.0.2.1``, is returned as IPv4: so it is seen by
    sockets that listen on both.

    :raises ValueError: if the host is no address, has a zone, or the port is none.
    """
    address = ip_address(host)
    mapped = getattr(address, "ipv4_mapped", None)
    if "%" in host or not (port.isascii() and port.isdigit() and len(port) <= 5):  # noqa: PLR2004
        raise ValueError(f"{host!r} with port {port!r} is no address")
    if int(port) > 65_535:  # noqa: PLR2004
        raise ValueError(f"{port} is no port")
    return ClientAddress(str(mapped or address), int(port))


def peer_address(name: tuple[str, int] | tuple[str, int, int, int]) -> ClientAddress:
    """Return the address of a socket's peer, as ``accept`` gives it."""
    host = name[0]
    if host.startswith("::ffff:") and "." in host:
        host = host.removeprefix("::ffff:")
    return ClientAddress(host, name[1])
