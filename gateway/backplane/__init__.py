"""All that nodes share, kept in Redis. Nothing outside this package knows Redis.

Everything here raises :exc:`Unavailable` while Redis cannot answer, at once or within the timeout.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import trio

from gateway.backplane.errors import Unavailable
from gateway.backplane.inboxes import Inboxes
from gateway.backplane.link import Link
from gateway.backplane.nicks import Nicks, NickTaken, Owner
from gateway.backplane.nodes import Deaths, Nodes
from gateway.backplane.rooms import Change, Rooms, Snapshot, read_change
from gateway.backplane.subscription import Burst, Subscription
from gateway.backplane.topology import Server

__all__ = [
    "Backplane", "Burst", "Change", "Deaths", "Inboxes", "NickTaken", "Nicks", "Nodes", "Owner",
    "Rooms", "Server", "Snapshot", "Subscription", "Unavailable", "read_change",
]  # fmt: skip


class Backplane:
    """One node's view of what is shared: two connections to Redis and what is done over them."""

    def __init__(
        self,
        server: Server,
        *,
        node: str,
        namespace: str,
        timeout: float,
        history_size: int,
        history_days: float,
    ) -> None:
        self.link = Link(server, name=f"{node}-commands", timeout=timeout)
        self.subscription = Subscription(server, name=f"{node}-subscription", timeout=timeout)
        self.rooms = Rooms(
            self.link,
            namespace=namespace,
            node=node,
            history_size=history_size,
            history_days=history_days,
        )
        self.inboxes = Inboxes(self.link, namespace=namespace)
        self.nicks = Nicks(self.link, namespace=namespace, node=node)
        self.nodes = Nodes(self.link, namespace=namespace, node=node)

    async def run(
        self, *, on_burst: Callable[[Burst], Awaitable[None]], on_restored: Callable[[], None]
    ) -> None:
        """Keep both connections; runs for as long as the node does. See `Subscription.run`."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.link.run)
            nursery.start_soon(
                partial(self.subscription.run, on_burst=on_burst, on_restored=on_restored)
            )
