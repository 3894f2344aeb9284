"""All that nodes share, kept in Redis. Nothing outside this package knows Redis.

Everything here raises :exc:`Unavailable` while Redis cannot answer, at once or within the timeout.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import trio

from gateway.backplane.connection import check_server
from gateway.backplane.epochs import continues, went_back
from gateway.backplane.errors import (
    Denied,
    Forbidden,
    IdReused,
    Outdated,
    Refused,
    Replaced,
    Unavailable,
    Unsuitable,
)
from gateway.backplane.fitness import Fitness
from gateway.backplane.inboxes import Inboxes
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.link import LOADS, Link
from gateway.backplane.nicks import Nicks, NickTaken, Owner, TakenUp
from gateway.backplane.nodes import Deaths, Nodes, channel_scope
from gateway.backplane.retry import Retry
from gateway.backplane.room_log import RoomLog
from gateway.backplane.rooms import Change, Entered, Rooms, Snapshot, read_change
from gateway.backplane.schema import Schema
from gateway.backplane.server import Server, Topology
from gateway.backplane.subscription import Burst, Subscription
from gateway.backplane.terms import NO_TERM
from gateway.backplane.timeline import Timeline
from gateway.backplane.topology import topology_from_url

__all__ = [
    "NO_TERM", "Backplane", "Burst", "Change", "Deaths", "Denied", "Entered", "Forbidden",
    "IdReused", "Inboxes", "Incarnation", "Link", "NickTaken", "Nicks", "Nodes", "Outdated",
    "Owner", "Refused", "Replaced", "Retry", "RoomLog", "Rooms", "Schema", "Server", "Snapshot",
    "Subscription", "TakenUp", "Timeline", "Topology", "Unavailable", "Unsuitable",
    "channel_scope", "check_redis", "continues", "read_change", "topology_from_url", "went_back",
]  # fmt: skip


async def check_redis(topology: Topology, *, namespace: str, refuse_eviction: bool) -> None:
    """Try once, for a few seconds at most, whether there is a Redis that can be used.

    One that is not there, or starting, is let be: a node waits for it.

    :raises Unsuitable: if it is there and cannot be used until somebody changes something.
    """
    check = Schema(namespace).check
    await check_server(topology, "check", LOADS, check, refuse_eviction=refuse_eviction)


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
        refuse_eviction: bool = True,
    ) -> None:
        self._topology = topology
        self.incarnation = Incarnation(node)
        scope = channel_scope(namespace, topology.database)
        self._fitness = fitness = Fitness(refuse_eviction=refuse_eviction)
        self.link = Link(
            topology,
            name=f"{node}-commands",
            timeout=timeout,
            fitness=fitness,
            schema=Schema(namespace),
        )
        self.subscription = Subscription(
            topology, name=f"{node}-subscription", timeout=timeout, fitness=fitness
        )
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

    @property
    def why_unfit(self) -> str:
        """Why Redis cannot be used though it answers, until somebody changes something."""
        refusal = self.link.refusal
        return self._fitness.why_unfit or (f"Redis refuses {refusal}" if refusal else "")

    @property
    def why_away(self) -> str:
        """Why Redis does not answer, as far as is known."""
        return self._fitness.why_away

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

        def primary_moved() -> None:
            self.link.rebuild()
            self.subscription.rebuild()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._topology.watch, primary_moved)
            nursery.start_soon(partial(self.link.run, on_moved=link_moved))
            nursery.start_soon(
                partial(
                    self.subscription.run,
                    on_burst=on_burst,
                    on_restored=on_restored,
                    on_moved=subscription_moved,
                )
            )
