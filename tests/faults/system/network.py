"""How a node is cut off from Redis: by a link of its network namespace, or by its proxy."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from tests.faults.system.namespaces import Namespace, namespaces
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


@dataclass(frozen=True)
class NamespacedNetwork:
    """A node in a network namespace, with one link for its clients and one for Redis."""

    namespace: Namespace

    @property
    def launcher(self) -> Sequence[str]:
        """See `NodeNetwork`."""
        return self.namespace.launcher

    @property
    def host(self) -> str:
        """See `NodeNetwork`."""
        return self.namespace.host

    @property
    def outside(self) -> str:
        """See `NodeNetwork`."""
        return self.namespace.outside

    def partition(self) -> None:
        """See `NodeNetwork`."""
        self.namespace.set_redis_link("down")

    def heal(self) -> None:
        """See `NodeNetwork`."""
        self.namespace.set_redis_link("up")


@contextmanager
def open_networks(
    proxies: Sequence[Proxy], *, namespaced: bool = True
) -> Iterator[Sequence[NodeNetwork]]:
    """Provide a network for each node that these proxies belong to.

    It is a namespace if that is wanted and allowed, which takes root; else the node's proxy.
    """
    with ExitStack() as stack:
        if namespaced:
            try:
                spaces = stack.enter_context(namespaces(len(proxies)))
            except (OSError, subprocess.CalledProcessError):
                pass
            else:
                yield [NamespacedNetwork(space) for space in spaces]
                return
        yield [ProxiedNetwork(proxy) for proxy in proxies]
