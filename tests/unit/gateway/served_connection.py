"""One connection that a node serves, in memory; there is neither a socket nor a Redis."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import trio

from gateway import config
from gateway.net.client_address import ClientAddress
from gateway.node import Node
from gateway.server.connection import Connection
from gateway.sessions.context import NodeContext
from tests import PATIENCE
from tests.http import Response
from tests.memory_transport import MemoryStream, memory_connection

PEER: Final = ClientAddress("192.0.2.1", 1234)


def ready() -> str | None:
    return None


def not_ready() -> str | None:
    return "Redis does not answer"


class ServedConnection:
    """A connection that is served, and its client's end."""

    def __init__(self, context: NodeContext, connection: Connection, client: MemoryStream) -> None:
        self.context = context
        self.connection = connection
        self.client = client
        self.served = trio.Event()

    async def receive_all(self) -> bytes:
        """Receive until the node ends the connection."""
        with trio.fail_after(PATIENCE):
            return b"".join([chunk async for chunk in self.client])

    async def request(self, data: bytes) -> Response:
        await self.client.send_all(data)
        return Response(await self.receive_all())


@asynccontextmanager
async def served_connection(
    why_not_ready: Callable[[], str | None] = ready,
    *,
    peer: ClientAddress = PEER,
    encrypted: bool = False,
    **settings: str,
) -> AsyncIterator[ServedConnection]:
    """Serve one connection of a node that has never reached its Redis."""
    node = Node(config.load({"redis": "unix:///nowhere/redis.sock", **settings}, {}))
    context = dataclasses.replace(node.context, why_not_ready=why_not_ready)
    transport, client = memory_connection()
    transport.encrypted = encrypted
    async with trio.open_nursery() as nursery:
        connection = Connection(context, transport, peer, nursery.start_soon)
        opened = ServedConnection(context, connection, client)

        async def serve() -> None:
            await opened.connection.serve()
            opened.served.set()

        nursery.start_soon(context.turns.run)
        nursery.start_soon(serve)
        async with client:
            yield opened
        with trio.fail_after(PATIENCE):
            await opened.served.wait()
        assert transport.closed
        nursery.cancel_scope.cancel()
