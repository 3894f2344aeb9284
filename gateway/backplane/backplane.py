"""One node's access to everything that nodes share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import trio

from gateway.backplane.inboxes import InboxStore
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.nicks import NickRegistry
from gateway.backplane.nodes import NodeRegistry, channel_scope
from gateway.backplane.redis.connection import check_server
from gateway.backplane.redis.link import LOAD_SCRIPTS, Link
from gateway.backplane.redis.schema import Schema
from gateway.backplane.redis.server import Topology
from gateway.backplane.redis.server_health import ServerHealth
from gateway.backplane.redis.subscription import Burst, Subscription
from gateway.backplane.rooms import RoomStore


async def check_redis(topology: Topology, *, namespace: str, refuse_eviction: bool) -> None:
    """Try once, for a few seconds at most, whether there is a Redis that can be used.

    One that is not there, or starting, is let be: a node waits for it.

    :raises Unsuitable: if it is there and cannot be used until somebody changes something.
    """
    check = Schema(namespace).check
    await check_server(topology, "check", LOAD_SCRIPTS, check, refuse_eviction=refuse_eviction)


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
        self._health = health = ServerHealth(refuse_eviction=refuse_eviction)
        self.link = Link(
            topology,
            name=f"{node}-commands",
            timeout=timeout,
            health=health,
            schema=Schema(namespace),
        )
        self.subscription = Subscription(
            topology, name=f"{node}-subscription", timeout=timeout, health=health
        )
        self.rooms = RoomStore(
            self.link,
            namespace=namespace,
            scope=scope,
            incarnation=self.incarnation,
            history_size=history_size,
            history_days=history_days,
        )
        self.nicks = NickRegistry(
            self.link, namespace=namespace, scope=scope, incarnation=self.incarnation
        )
        self.nodes = NodeRegistry(
            self.link, namespace=namespace, scope=scope, incarnation=self.incarnation
        )
        self.inboxes = InboxStore(
            self.link, namespace=namespace, scope=scope, incarnation=self.incarnation
        )

    @property
    def connected(self) -> bool:
        """Whether commands reach Redis, as far as is known."""
        return self.link.connected

    @property
    def hears(self) -> bool:
        """Whether what other nodes publish reaches this one, as far as is known."""
        return self.subscription.connected

    @property
    def replication_id(self) -> str:
        """What changes when Redis may have lost data; empty if it is not known."""
        return self.link.replication_id

    async def wait_connected(self) -> None:
        """Wait until commands reach Redis."""
        await self.link.wait_connected()

    async def subscribe(self, channel: bytes) -> bool:
        """Listen to a channel; returns as `Subscription.subscribe` does."""
        return await self.subscription.subscribe(channel)

    def unsubscribe(self, channel: bytes) -> None:
        """Listen to a channel no more."""
        self.subscription.unsubscribe(channel)

    def resubscribe(self) -> None:
        """Open another connection for the subscription: this one does not deliver."""
        self.subscription.reconnect()

    @property
    def why_unsuitable(self) -> str:
        """Why Redis cannot be used though it answers, until somebody changes something."""
        refusal = self.link.refusal
        return self._health.why_unsuitable or (f"Redis refuses {refusal}" if refusal else "")

    @property
    def why_away(self) -> str:
        """Why Redis does not answer, as far as is known."""
        return self._health.why_away

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
            if self.subscription.replication_id != self.link.replication_id:
                self.subscription.reconnect()

        def subscription_moved() -> None:
            on_moved()
            if self.link.replication_id != self.subscription.replication_id:
                self.link.reconnect()

        def primary_moved() -> None:
            self.link.reconnect()
            self.subscription.reconnect()

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
