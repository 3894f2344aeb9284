"""How a node is cut off from Redis: by a link of its network namespace, or by its proxy."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Protocol

from tests.faults.system.namespaces import open_namespaces
from tests.faults.system.proxy import Proxy

LOOPBACK: Final = "127.0.0.1"


class NodeNetwork(Protocol):
    """What lies between one node and everything outside of it."""

    @property
    def launcher(self) -> Sequence[str]:
        """The command that runs the node's command."""

    @property
    def host(self) -> str:
        """The address that the node listens on."""

    @property
    def outside(self) -> str:
        """The address at which the node reaches the proxies, and so Redis."""

    def partition(self) -> None:
        """Let nothing through between the node and Redis; clients still reach the node."""

    def heal(self) -> None:
        """Let everything through again."""


@dataclass(frozen=True)
class ProxiedNetwork:
    """A node on the loopback; its proxy holds back what goes to Redis and comes from there."""

    proxy: Proxy
    launcher: Sequence[str] = ()
    host: str = LOOPBACK
    outside: str = LOOPBACK

    def partition(self) -> None:
        """See `NodeNetwork`."""
        self.proxy.cut()

    def heal(self) -> None:
        """See `NodeNetwork`."""
        self.proxy.heal()


@contextmanager
def open_networks(
    proxies: Sequence[Proxy], *, namespaced: bool = True
) -> Iterator[Sequence[NodeNetwork]]:
    """Provide a network for each node that these proxies belong to.

    It is a namespace if that is wanted and allowed, which takes root; else the node's proxy.
    """
    with ExitStack() as stack:
        networks: Sequence[NodeNetwork] = [ProxiedNetwork(proxy) for proxy in proxies]
        if namespaced:
            with suppress(OSError, subprocess.CalledProcessError):
                networks = stack.enter_context(open_namespaces(len(proxies)))
        yield networks
