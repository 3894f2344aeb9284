"""Access to a cluster's data for an operator's commands, over one connection, without a node."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from gateway.backplane.incarnation import Incarnation
from gateway.backplane.nodes import NodeRegistry, channel_scope
from gateway.backplane.redis.errors import Unavailable
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.schema import Schema
from gateway.backplane.redis.server import Topology
from gateway.backplane.room_log import RoomLog
from gateway.backplane.upgrade import upgrade
from gateway.policy.unicode_tables import VERSION


class OperatorAccess:
    """The stores that an operator's commands use; made by `open_operator_access`."""

    def __init__(self, link: Link, *, name: str, namespace: str, scope: str) -> None:
        self._link = link
        self._namespace = namespace
        self._scope = scope
        self.schema = Schema(namespace, unicode=VERSION)
        self.nodes = NodeRegistry(
            link, namespace=namespace, scope=scope, incarnation=Incarnation(name)
        )

    def upgrade(self) -> AsyncIterator[str]:
        """Upgrade the data to this release; yields and raises as `upgrade`."""
        return upgrade(self._link, self.schema, self.nodes, self._namespace)

    def room_log(self, room: str) -> RoomLog:
        """Return the log of a room, which need not exist."""
        return RoomLog(self._link, namespace=self._namespace, scope=self._scope, room=room)


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
        yield OperatorAccess(link, name=name, namespace=namespace, scope=scope)
        nursery.cancel_scope.cancel()
