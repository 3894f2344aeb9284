"""Access to a cluster's data for an operator's commands, over one connection, without a node."""

from __future__ import annotations

import math
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, NamedTuple

import msgspec
import trio

from gateway.backplane.bans import BanStore
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.nodes import NodeRegistry, channel_scope
from gateway.backplane.operator_requests import AnyRequest, Reply, decode_reply, encode_request
from gateway.backplane.redis.errors import Unavailable
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.schema import Schema
from gateway.backplane.redis.server import Topology
from gateway.backplane.room_log import RoomLog

REPLY_SECONDS: Final = 2.0
"""Seconds in which nodes are to reply to an operator's request."""
REPLY_KEPT_SECONDS: Final = 10
"""Seconds for which a reply waits in Redis for an operator who may have gone."""


class Replies(NamedTuple):
    """The replies to a request, and the nodes that are alive and did not reply in time."""

    replies: list[Reply]
    silent: list[str]


class OperatorAccess:
    """The stores that an operator's commands use; made by `open_operator_access`."""

    def __init__(
        self, link: Link, *, name: str, namespace: str, scope: str, patience: float
    ) -> None:
        self._link = link
        self._namespace = namespace
        self._scope = scope
        self._patience = patience
        self.nodes = NodeRegistry(
            link, namespace=namespace, scope=scope, incarnation=Incarnation(name)
        )
        self.bans = BanStore(link, namespace=namespace)

    def room_log(self, room: str) -> RoomLog:
        """Return the log of a room, which need not exist."""
        return RoomLog(self._link, namespace=self._namespace, scope=self._scope, room=room)

    async def ask_nodes(self, request: AnyRequest) -> Replies:
        """Have all nodes that are alive carry out a request, and wait for their replies.

        :raises Unavailable: if Redis does not answer.
        """
        key = f"{self._namespace}:{{operator}}:{secrets.token_hex(8)}"
        payload = encode_request(msgspec.structs.replace(request, reply_to=key))
        channels = {self.nodes.channel_of(node): node for node in await self.nodes.alive()}
        heard = await self._link.call_all([("PUBLISH", each, payload) for each in channels])
        deadline = trio.current_time() + REPLY_SECONDS
        replies: list[Reply] = []
        while len(replies) < sum(heard) and (left := deadline - trio.current_time()) > 0:
            # Shorter than the time after which a link gives up.
            wait = min(left, self._patience / 2)
            popped = await self._link.call("BLPOP", key, f"{math.ceil(wait * 1000) / 1000:.3f}")
            if popped is not None:
                with suppress(ValueError):  # from a node of another release
                    replies.append(decode_reply(popped[1]))
        replied = {self.nodes.channel_of(reply.node) for reply in replies}
        silent = sorted(node for channel, node in channels.items() if channel not in replied)
        return Replies(replies, silent)

    async def replicated(self) -> tuple[int, int]:
        """Wait until replicas confirm what was done; return how many do, and how many there are."""
        patience = min(1.0, self._patience / 2)
        info: bytes = await self._link.call("INFO", "replication")
        fields = dict(line.split(b":", 1) for line in info.split(b"\r\n") if b":" in line)
        replicas = int(fields.get(b"connected_slaves", 0))
        if not replicas:
            return 0, 0
        return await self._link.call("WAIT", replicas, round(patience * 1000)), replicas


@asynccontextmanager
async def open_operator_access(
    topology: Topology, *, name: str, namespace: str, patience: float
) -> AsyncIterator[OperatorAccess]:
    """Connect to a cluster's Redis, once; ``patience`` is the longest wait for a reply in seconds.

    :raises Unavailable: in a group, if Redis cannot be used, or the connection is lost.
    """
    link = Link(topology, name=name, timeout=patience, schema=Schema(namespace))
    scope = channel_scope(namespace, topology.database)

    async def keep() -> None:
        reason = await link.run_once()
        raise Unavailable(f"Redis ({topology.place}) cannot be used: {reason}")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep)
        await link.wait_connected()
        yield OperatorAccess(
            link, name=name, namespace=namespace, scope=scope, patience=patience
        )
        nursery.cancel_scope.cancel()
