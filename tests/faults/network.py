"""How nodes are kept apart from Redis: in network namespaces of their own, or by their proxies."""

from __future__ import annotations

import errno
import itertools
import os
import secrets
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from tests.faults.proxy import Proxy

LOOPBACK: Final = "127.0.0.1"
_SUBNETS: Final = 4096
"""Pairs of subnets of 14 hosts each that the range for such tests, 198.18.0.0/15, has room for."""

_runs = itertools.count()


class Way(Protocol):
    """Between one node and all that is outside of it."""

    @property
    def runner(self) -> Sequence[str]:
        """What the node's command is run by."""

    @property
    def host(self) -> str:
        """The address that the node listens on."""

    @property
    def outside(self) -> str:
        """The address at which the node finds us, and through our proxies Redis."""

    def cut(self) -> None:
        """Let nothing through between the node and Redis; its clients still reach it."""

    def heal(self) -> None:
        """Let everything through again."""


@dataclass(frozen=True)
class ByProxy:
    """A node on the loopback; its proxy holds back what goes to Redis and what comes from there."""

    proxy: Proxy
    runner: Sequence[str] = ()
    host: str = LOOPBACK
    outside: str = LOOPBACK

    def cut(self) -> None:
        """See `Way`."""
        self.proxy.cut()

    def heal(self) -> None:
        """See `Way`."""
        self.proxy.heal()


@dataclass(frozen=True)
class ByLink:
    """A node in a network namespace, with one link for its clients and one for Redis."""

    runner: Sequence[str]
    host: str
    outside: str
    link: str
    """Our end of the one for Redis."""

    def cut(self) -> None:
        """See `Way`."""
        _ip(f"link set {self.link} down")

    def heal(self) -> None:
        """See `Way`."""
        _ip(f"link set {self.link} up")


@contextmanager
def open_ways(proxies: Sequence[Proxy]) -> Iterator[Sequence[Way]]:
    """Give a way for each of these nodes: by links if we may make them, else by its proxy."""
    with ExitStack() as stack:
        try:
            links = stack.enter_context(_namespaces(len(proxies)))
        except (OSError, subprocess.CalledProcessError):
            yield [ByProxy(proxy) for proxy in proxies]
        else:
            yield links


@contextmanager
def _namespaces(nodes: int) -> Iterator[Sequence[ByLink]]:
    """Make a namespace for each node, and two bridges that all of them are linked to.

    A bridge outlives the links that are cut: what is sent to one of those goes nowhere, and
    whoever sends it is not told.

    :raises CalledProcessError: if we may not.
    """
    tag = f"cf{os.getpid():x}x{next(_runs):x}"
    with ExitStack() as stack:
        subnet = 2 * stack.enter_context(_claimed_pair())
        redis, clients = (_Bridge(f"{tag}{kind}", subnet + n) for n, kind in enumerate("rc"))
        for bridge in redis, clients:
            _ip(f"link add {bridge.name} type bridge")
            stack.callback(_ip, f"link del {bridge.name}")
            _ip(f"addr add {bridge.address(0)}/28 dev {bridge.name}", f"link set {bridge.name} up")
        ways = []
        for number in range(1, nodes + 1):
            space = f"{tag}n{number}"
            _ip(f"netns add {space}")
            stack.callback(_ip, f"netns del {space}")
            for bridge in redis, clients:
                end = f"{bridge.name}{number}"
                _ip(
                    f"link add {end} type veth peer name {bridge.name} netns {space}",
                    f"link set {end} master {bridge.name} up",
                )
                inside = f"addr add {bridge.address(number)}/28 dev {bridge.name}"
                _ip(inside, f"link set {bridge.name} up", within=space)
            runner = ("ip", "netns", "exec", space)
            subprocess.run([*runner, "true"], check=True, capture_output=True)
            way = ByLink(runner, clients.address(number), redis.address(0), f"{redis.name}{number}")
            ways.append(way)
        yield ways


@contextmanager
def _claimed_pair() -> Iterator[int]:
    """Choose a pair of subnets that no other run on this machine has chosen.

    An abstract socket stands for each pair; the system takes it away however a run ends.
    """
    with socket.socket(socket.AF_UNIX) as claim:
        while True:
            number = secrets.randbelow(_SUBNETS)
            try:
                claim.bind(f"\0chat-faults-{number}")
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                break
        yield number


@dataclass(frozen=True)
class _Bridge:
    name: str
    subnet: int

    def address(self, host: int) -> str:
        """Give the address of a node, or of ours, which is 0."""
        number = (198 << 24) + (18 << 16) + (self.subnet << 4) + host + 1
        return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def _ip(*commands: str, within: str | None = None) -> None:
    """Carry out commands of ip(8); :raises CalledProcessError: if one cannot be."""
    place = ["-n", within] if within else []
    subprocess.run(
        ["ip", *place, "-batch", "-"],
        input="\n".join(commands), text=True, check=True, capture_output=True,
        start_new_session=True,  # out of reach of the terminal's Ctrl-C: what is made is removed
    )  # fmt: skip
