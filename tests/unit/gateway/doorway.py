"""One connection that a node serves, in memory; there is neither a socket nor a Redis."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from gateway.config import Settings
from gateway.node import Node
from gateway.server.connection import Connection
from tests import PATIENCE
from tests.memory_transport import MemoryStream, memory_connection

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + base64.b64encode(bytes(16)) + b"\r\n"
)


def ready() -> str | None:
    return None


def not_ready() -> str | None:
    return "Redis does not answer"


class Door:
    """A connection that is served, and its client's end."""

    def __init__(self, connection: Connection, client: MemoryStream) -> None:
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


class Response:
    """An HTTP response, taken apart."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("ascii").split("\r\n")
        self.status = int(first.split(" ")[1])
        self.headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}


@asynccontextmanager
async def door(why_not_ready: Callable[[], str | None] = ready) -> AsyncIterator[Door]:
    """Serve one connection of a node that has never reached its Redis."""
    node = Node(Settings(redis="unix:///nowhere/redis.sock"))
    context = dataclasses.replace(node.context, why_not_ready=why_not_ready)
    transport, client = memory_connection()
    async with trio.open_nursery() as nursery:
        opened = Door(Connection(context, transport, "client:1", nursery.start_soon), client)

        async def serve() -> None:
            await opened.connection.serve()
            opened.served.set()

        nursery.start_soon(serve)
        async with client:
            yield opened
        with trio.fail_after(PATIENCE):
            await opened.served.wait()
        assert transport.closed


def get(path: str, method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
