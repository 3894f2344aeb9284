"""All that nodes share, kept in Redis. Nothing outside this package knows Redis.

Everything here raises :exc:`Unavailable` while Redis cannot answer, at once or within the timeout.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import trio

from gateway.backplane.epochs import continues, went_back
from gateway.backplane.errors import Denied, IdReused, Refused, Unavailable
from gateway.backplane.inboxes import Inboxes
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.link import Link
from gateway.backplane.nicks import Nicks, NickTaken, Owner, Replaced
from gateway.backplane.nodes import Deaths, Nodes, channel_scope
from gateway.backplane.rooms import Change, Rooms, Snapshot, read_change
from gateway.backplane.server import Server, Topology
from gateway.backplane.subscription import Burst, Subscription
from gateway.backplane.timeline import Timeline
from gateway.backplane.topology import topology_from_url

__all__ = [
    "Backplane", "Burst", "Change", "Deaths", "Denied", "IdReused", "Inboxes", "Link", "NickTaken",
    "Nicks", "Nodes", "Owner", "Refused", "Replaced", "Rooms", "Server", "Snapshot", "Subscription",
    "Timeline", "Topology", "Unavailable", "continues", "read_change", "topology_from_url",
    "went_back",
]  # fmt: skip


class Backplane:
    """One node's view of what is shared: two connections to Redis and what is done over them."""

    def __init__(
        self,
        topology: Topology,
        *,
        node: str,
        namespace: str,
        timeout: float,
        history_size: int,
        history_days: float,
    ) -> None:
        self.incarnation = Incarnation(node)
        scope = channel_scope(namespace, topology.database)
        self.link = Link(topology, name=f"{node}-commands", timeout=timeout)
        self.subscription = Subscription(topology, name=f"{node}-subscription", timeout=timeout)
        self.rooms = Rooms(
            self.link,
            namespace=namespace,
            scope=scope,
            incarnation=self.incarnation,
            history_size=history_size,
            history_days=history_days,
        )
        self.inboxes = Inboxes(self.link, namespace=namespace)
        self.nicks = Nicks(
            self.link, namespace=namespace, scope=scope, incarnation=self.incarnation
        )
        self.nodes = Nodes(
            self.link, namespace=namespace, scope=scope, incarnation=self.incarnation
        )

    async def run(
        self,
        *,
        on_burst: Callable[[Burst], Awaitable[None]],
        on_restored: Callable[[], None],
        on_moved: Callable[[], None],
    ) -> None:
        """Keep both connections; runs for as long as the node does. See `Subscription.run`.

        ``on_moved`` is called when Redis turns out to be another server than before, or to have
        been restarted, before anything comes of that; it may have lost data.
        """

        def link_moved() -> None:
            on_moved()
            if self.subscription.lineage != self.link.lineage:
                self.subscription.rebuild()

        def subscription_moved() -> None:
            on_moved()
            if self.link.lineage != self.subscription.lineage:
                self.link.rebuild()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(self.link.run, on_moved=link_moved))
            nursery.start_soon(
                partial(
                    self.subscription.run,
                    on_burst=on_burst,
                    on_restored=on_restored,
                    on_moved=subscription_moved,
                )
            )
