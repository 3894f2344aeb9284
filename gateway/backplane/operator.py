"""Access to a cluster's data for an operator's commands, over one connection, without a node."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final, NamedTuple

import msgspec
import trio

from gateway.backplane.account_rooms import AccountRooms
from gateway.backplane.accounts import AccountStore
from gateway.backplane.bans import BanStore
from gateway.backplane.devices import DeviceStore
from gateway.backplane.durable import PATIENCE, DurabilityCheck
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.invites import InviteStore
from gateway.backplane.nodes import NodeRegistry, channel_scope
from gateway.backplane.operator_requests import AnyRequest, Reply, decode_reply, encode_request
from gateway.backplane.redis.errors import Unavailable
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.schema import Schema
from gateway.backplane.redis.server import Topology
from gateway.backplane.redis.subscription import Burst, Subscription
from gateway.backplane.revocations import Revoker
from gateway.backplane.room_log import RoomLog
from gateway.backplane.upgrade import upgrade
from gateway.policy.unicode_tables import VERSION

REPLICA_SECONDS: Final = 1.0
"""Seconds that replicas may take to confirm what was done, at most."""
REPLY_SECONDS: Final = 2.0
"""Seconds in which nodes are to reply to an operator's request."""


class Replies(NamedTuple):
    """The replies to a request, and the nodes that are alive and did not reply in time."""

    replies: list[Reply]
    silent: list[str]


class OperatorAccess:
    """The stores that an operator's commands use; made by `open_operator_access`."""

    def __init__(
        self,
        link: Link,
        topology: Topology,
        *,
        name: str,
        namespace: str,
        scope: str,
        patience: float,
    ) -> None:
        self._link = link
        self._topology = topology
        self._name = name
        self._namespace = namespace
        self._scope = scope
        self._patience = patience
        self.schema = Schema(namespace, unicode=VERSION)
        self.nodes = NodeRegistry(
            link, namespace=namespace, scope=scope, incarnation=Incarnation(name)
        )
        self.bans = BanStore(link, namespace=namespace)
        self.accounts = AccountStore(link, link, namespace=namespace)
        self.devices = DeviceStore(link, link, namespace=namespace)
        self.account_rooms = AccountRooms(link, namespace=namespace)
        self.invites = InviteStore(link, namespace=namespace)
        self.revoker = Revoker(link, self.accounts, self.devices, scope=scope)
        # Within the time in which the link expects its answers.
        self._durability = DurabilityCheck("auto", patience=min(PATIENCE, patience / 2))

    async def why_not_durable(self) -> str:
        """Wait until what was done is on disk and on a replica, where Redis has these.

        :returns: why that is unknown; empty if it is.
        """
        return await self._durability.why_not(self._link)

    def upgrade(self) -> AsyncIterator[str]:
        """Upgrade the data to this release; yields and raises as `upgrade`."""
        return upgrade(self._link, self.schema, self.nodes, self._namespace)

    def room_log(self, room: str) -> RoomLog:
        """Return the log of a room, which need not exist."""
        return RoomLog(self._link, namespace=self._namespace, scope=self._scope, room=room)

    async def ask_nodes(self, request: AnyRequest) -> Replies:
        """Ask all nodes that are alive to carry out a request; return their replies.

        :raises Unavailable: if Redis does not answer.
        """
        channel = f"{self._scope}:{{operator:{secrets.token_hex(8)}}}"
        payload = encode_request(msgspec.structs.replace(request, reply_to=channel))
        channels = {self.nodes.channel_of(node): node for node in await self.nodes.alive()}
        async with self._listening(channel) as gathered:
            heard = await self._link.call_all([("PUBLISH", each, payload) for each in channels])
            replies = await gathered(sum(heard))
        replied = {self.nodes.channel_of(reply.node) for reply in replies}
        silent = sorted(node for channel, node in channels.items() if channel not in replied)
        return Replies(replies, silent)

    @asynccontextmanager
    async def _listening(
        self, channel: str
    ) -> AsyncIterator[Callable[[int], Awaitable[list[Reply]]]]:
        """Receive replies in this context; gives a function that waits for so many of them.

        :raises Unavailable: if Redis does not confirm the subscription in time.
        """
        subscription = Subscription(
            self._topology, name=f"{self._name}-replies", timeout=self._patience
        )
        replies: list[Reply] = []
        subscribed, news = trio.Event(), trio.Event()

        async def receive(burst: Burst) -> None:
            for _, payload in burst:
                with suppress(ValueError):  # from a node of another release
                    replies.append(decode_reply(payload))
            news.set()

        async def gathered(count: int) -> list[Reply]:
            nonlocal news
            with trio.move_on_after(REPLY_SECONDS):
                while len(replies) < count:
                    news = trio.Event()
                    await news.wait()
            return replies

        await subscription.subscribe(channel.encode())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                partial(subscription.run, on_burst=receive, on_restored=subscribed.set)
            )
            with trio.move_on_after(self._patience) as waiting:
                await subscribed.wait()
            if waiting.cancelled_caught:
                raise Unavailable("Redis does not confirm the subscription")
            yield gathered
            nursery.cancel_scope.cancel()

    async def replicated(self) -> tuple[int, int]:
        """Wait until replicas confirm what was done; return how many do, and how many there are.

        :raises Unavailable: if Redis does not answer, or this user may not ask.
        """
        patience = min(REPLICA_SECONDS, self._patience / 2)
        info: bytes = await self._link.call("INFO", "replication")
        fields = dict(line.split(b":", 1) for line in info.split(b"\r\n") if b":" in line)
        replicas = int(fields.get(b"connected_slaves", 0))
        if not replicas:
            return 0, 0
        return await self._link.call("WAIT", replicas, round(patience * 1000)), replicas


@asynccontextmanager
async def open_operator_access(
    topology: Topology, *, name: str, namespace: str, patience: float, any_schema: bool = False
) -> AsyncIterator[OperatorAccess]:
    """Connect to a cluster's Redis, once; ``patience`` is the longest wait for a reply in seconds.

    With ``any_schema``, also to data of another release.

    :raises Unavailable: in a group, if Redis cannot be used, or the connection is lost.
    """
    schema = None if any_schema else Schema(namespace, unicode=VERSION)
    link = Link(topology, name=name, timeout=patience, schema=schema)
    scope = channel_scope(namespace, topology.database)

    async def keep() -> None:
        reason = await link.run_once()
        raise Unavailable(f"Redis ({topology.place}) cannot be used: {reason}")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep)
        await link.wait_connected()
        yield OperatorAccess(
            link, topology, name=name, namespace=namespace, scope=scope, patience=patience
        )
        nursery.cancel_scope.cancel()
