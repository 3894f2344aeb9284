"""Network namespaces for nodes, made and removed with ip(8). It takes root."""

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
from typing import Final

_SUBNETS: Final = 4096
"""How many pairs of subnets of 14 hosts fit into 198.18.0.0/15, the range for such tests."""

_runs = itertools.count()


@dataclass(frozen=True)
class NamespacedNetwork:
    """A `NodeNetwork` in a namespace, with one link for the node's clients and one for Redis.

    ``redis_link`` is this machine's end of the link for Redis.
    """

    launcher: Sequence[str]
    host: str
    outside: str
    redis_link: str

    def partition(self) -> None:
        """See `NodeNetwork`."""
        _ip(f"link set {self.redis_link} down")

    def heal(self) -> None:
        """See `NodeNetwork`."""
        _ip(f"link set {self.redis_link} up")


@contextmanager
def open_namespaces(nodes: int) -> Iterator[Sequence[NamespacedNetwork]]:
    """Create a namespace for each node, and two bridges that all of them are linked to.

    A bridge stays when a link is cut: what is sent to that link is dropped without an error.

    :raises OSError: if there is no ip(8).
    :raises CalledProcessError: if namespaces are not allowed.
    """
    tag = f"cf{os.getpid():x}x{next(_runs):x}"
    with ExitStack() as stack:
        subnet = 2 * stack.enter_context(_claimed_pair())
        redis, clients = (_Bridge(f"{tag}{kind}", subnet + n) for n, kind in enumerate("rc"))
        for bridge in redis, clients:
            _ip(f"link add {bridge.name} type bridge")
            stack.callback(_ip, f"link del {bridge.name}")
            _ip(f"addr add {bridge.address(0)}/28 dev {bridge.name}", f"link set {bridge.name} up")
        networks = []
        for number in range(1, nodes + 1):
            name = f"{tag}n{number}"
            _ip(f"netns add {name}")
            stack.callback(_ip, f"netns del {name}")
            for bridge in redis, clients:
                end = f"{bridge.name}{number}"
                _ip(
                    f"link add {end} type veth peer name {bridge.name} netns {name}",
                    f"link set {end} master {bridge.name} up",
                )
                inside = f"addr add {bridge.address(number)}/28 dev {bridge.name}"
                _ip(inside, f"link set {bridge.name} up", within=name)
            launcher = ("ip", "netns", "exec", name)
            subprocess.run([*launcher, "true"], check=True, capture_output=True)
            link = f"{redis.name}{number}"
            networks.append(
                NamespacedNetwork(launcher, clients.address(number), redis.address(0), link)
            )
        yield networks


@contextmanager
def _claimed_pair() -> Iterator[int]:
    """Claim a pair of subnets that no other run on this machine has, and provide its number.

    The claim is an abstract socket, which the system removes however a run ends.
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
    """A bridge on this machine, with a subnet of 14 hosts."""

    name: str
    subnet: int

    def address(self, host: int) -> str:
        """Return the address of a node by its number; 0 is our own."""
        number = (198 << 24) + (18 << 16) + (self.subnet << 4) + host + 1
        return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def _ip(*commands: str, within: str | None = None) -> None:
    """Run commands of ip(8), in a namespace if ``within`` names one.

    :raises CalledProcessError: if one fails.
    """
    place = ["-n", within] if within else []
    subprocess.run(
        ["ip", *place, "-batch", "-"],
        input="\n".join(commands), text=True, check=True, capture_output=True,
        start_new_session=True,  # Ctrl-C must not end the command that removes a namespace
    )  # fmt: skip
