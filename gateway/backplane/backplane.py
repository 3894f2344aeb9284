"""One node's access to the data that nodes share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import trio

from gateway.backplane.account_events import AnyAccountEvent, publish_event
from gateway.backplane.account_rooms import AccountRooms
from gateway.backplane.accounts import AccountStore
from gateway.backplane.bans import BanStore
from gateway.backplane.devices import DeviceStore
from gateway.backplane.durable import DurableLink, Level
from gateway.backplane.guesses import GuessCounter
from gateway.backplane.inboxes import InboxStore
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.invites import InviteStore
from gateway.backplane.key_scan import KeyScan
from gateway.backplane.nicks import NickRegistry
from gateway.backplane.nodes import NodeRegistry, channel_scope
from gateway.backplane.redis.connection import RedisConnection, check_server
from gateway.backplane.redis.link import LOAD_SCRIPTS, Link
from gateway.backplane.redis.permissions import Permissions
from gateway.backplane.redis.replication import ReplicationIds
from gateway.backplane.redis.schema import Schema
from gateway.backplane.redis.server import Topology
from gateway.backplane.redis.server_health import ServerHealth
from gateway.backplane.redis.subscription import Burst, Subscription
from gateway.backplane.redis_memory import RedisMemory
from gateway.backplane.revocations import Revoker
from gateway.backplane.rooms import RoomStore
from gateway.policy.retention import Retention
from gateway.policy.unicode_tables import VERSION


async def check_redis(topology: Topology, *, namespace: str, refuse_eviction: bool) -> None:
    """Check once whether Redis can be used, for a few seconds at most.

    Returns also if it does not answer, or is starting: a node waits for that.

    :raises Unsuitable: if it answers, and cannot be used until somebody changes something.
    """
    scope = channel_scope(namespace, topology.database)

    async def check(connection: RedisConnection) -> None:
        await Schema(namespace, unicode=VERSION).check(connection)
        await Permissions(namespace, scope).check(connection)

    await check_server(topology, "check", LOAD_SCRIPTS, check, refuse_eviction=refuse_eviction)


class Backplane:
    """One node's connections to Redis, and the stores.

    One is for commands, one for what must not be undone, and one for the subscription.
    """

    def __init__(
        self,
        topology: Topology,
        *,
        node: str,
        namespace: str,
        timeout: float,
        retention: Retention,
        refuse_eviction: bool = True,
        durability: Level = "auto",
    ) -> None:
        self._topology = topology
        self.incarnation = Incarnation(node)
        self._scope = scope = channel_scope(namespace, topology.database)
        self._health = health = ServerHealth(refuse_eviction=refuse_eviction)
        replication = ReplicationIds(namespace)
        self.link = Link(
            topology,
            name=f"{node}-commands",
            timeout=timeout,
            health=health,
            schema=Schema(namespace, unicode=VERSION),
            permissions=Permissions(namespace, scope),
            replication=replication,
        )
        self.subscription = Subscription(
            topology,
            name=f"{node}-subscription",
            timeout=timeout,
            health=health,
            replication=replication,
        )
        self.rooms = RoomStore(
            self.link,
            namespace=namespace,
            scope=scope,
            incarnation=self.incarnation,
            retention=retention,
        )
        self.nicks = NickRegistry(
            self.link, namespace=namespace, scope=scope, incarnation=self.incarnation
        )
        self.nodes = NodeRegistry(
            self.link, namespace=namespace, scope=scope, incarnation=self.incarnation
        )
        self.inboxes = InboxStore(
            self.link,
            namespace=namespace,
            scope=scope,
            incarnation=self.incarnation,
            retention=retention,
        )
        self.bans = BanStore(self.link, namespace=namespace)
        self.durable = DurableLink(
            topology,
            name=f"{node}-durable",
            timeout=timeout,
            level=durability,
            health=health,
            schema=Schema(namespace, unicode=VERSION),
            permissions=Permissions(namespace, scope),
            replication=replication,
        )
        self.accounts = AccountStore(self.link, self.durable, namespace=namespace)
        self.devices = DeviceStore(self.link, self.durable, namespace=namespace)
        self.account_rooms = AccountRooms(self.link, namespace=namespace)
        self.invites = InviteStore(self.link, namespace=namespace)
        self.guesses = GuessCounter(self.link, namespace=namespace)
        self.revoker = Revoker(self.link, self.accounts, self.devices, scope=scope)
        self.memory = RedisMemory(self.link)
        self.keys = KeyScan(self.link, namespace=namespace)

    @property
    def connected(self) -> bool:
        """Whether the command connection is up, as far as is known."""
        return self.link.connected

    @property
    def subscribed(self) -> bool:
        """Whether the subscription is up, as far as is known."""
        return self.subscription.connected

    @property
    def replication_id(self) -> str:
        """The server's replication id, which changes when data may be lost; empty if unknown."""
        return self.link.replication_id

    async def wait_connected(self) -> None:
        """Wait until the command connection is up."""
        await self.link.wait_connected()

    async def publish(self, channel: str, payload: bytes) -> None:
        """Publish on any channel, once; :raises Unavailable: if Redis does not answer."""
        await self.link.call("PUBLISH", channel, payload)

    async def publish_to_account(self, account: str, event: AnyAccountEvent) -> None:
        """Publish an event of an account to the nodes that have sessions of it."""
        await publish_event(self.link, self._scope, account, event)

    async def subscribe(self, channel: bytes) -> bool:
        """Subscribe to a channel; return whether that is confirmed (`Subscription.subscribe`)."""
        return await self.subscription.subscribe(channel)

    def unsubscribe(self, channel: bytes) -> None:
        """Unsubscribe from a channel."""
        self.subscription.unsubscribe(channel)

    def resubscribe(self) -> None:
        """Open another connection for the subscription, which does not deliver."""
        self.subscription.reconnect()

    @property
    def why_unsuitable(self) -> str:
        """Why Redis cannot be used until somebody changes something; empty if it can."""
        refusal = self.link.refusal
        return self._health.why_unsuitable or (f"Redis refuses {refusal}" if refusal else "")

    @property
    def why_away(self) -> str:
        """Why Redis does not answer; empty if it does, as far as is known."""
        return self._health.why_away

    async def run(
        self,
        *,
        on_burst: Callable[[Burst], Awaitable[None]],
        on_restored: Callable[[], None],
        on_moved: Callable[[], None],
    ) -> None:
        """Keep both connections open; runs for as long as the node does.

        - ``on_burst``, ``on_restored``: see `Subscription.run`;
        - ``on_moved``: called when Redis has restarted or is another server, and so may have lost
          data, before anything is read from it.
        """

        def link_moved() -> None:
            on_moved()
            if self.durable.replication_id != self.link.replication_id:
                self.durable.reconnect()
            if self.subscription.replication_id != self.link.replication_id:
                self.subscription.reconnect()

        def subscription_moved() -> None:
            on_moved()
            if self.link.replication_id != self.subscription.replication_id:
                self.link.reconnect()
                self.durable.reconnect()

        def primary_moved() -> None:
            self.link.reconnect()
            self.durable.reconnect()
            self.subscription.reconnect()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._topology.watch, primary_moved)
            nursery.start_soon(partial(self.link.run, on_moved=link_moved))
            nursery.start_soon(self.durable.run)
            nursery.start_soon(
                partial(
                    self.subscription.run,
                    on_burst=on_burst,
                    on_restored=on_restored,
                    on_moved=subscription_moved,
                )
            )
