"""A server that sends every message back, over the connection, reader and buffer of a node."""

from __future__ import annotations

import math
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from unittest import mock

import trio

from gateway import wire
from gateway.config import Settings
from gateway.net.binding import open_listeners
from gateway.net.client_address import ClientAddress
from gateway.net.listener import ConnectionSlots, accept_forever
from gateway.net.transport import SocketTransport
from gateway.net.websocket import text_frame
from gateway.net.write_buffer import WriteBuffer
from gateway.node import Node
from gateway.server import connection
from gateway.sessions.context import NodeContext
from gateway.sessions.record import ConnectionHandle

MOST_BYTES = 64 * 1024 * 1024
"""The longest message, and what may wait for a slow reader; the suite sends up to 16 MiB."""
_BINARY = b"\x82"


class EchoDispatcher:
    """Sends messages back, in the place of the dispatcher that carries out commands."""

    session = None

    def __init__(
        self, context: NodeContext, write_buffer: WriteBuffer, handle: ConnectionHandle
    ) -> None:
        del context, handle
        self._write_buffer = write_buffer

    async def handle(self, message: str | bytes) -> None:
        """Send a message back as text or binary, as it came."""
        if isinstance(message, str):
            self._write_buffer.write(text_frame(message.encode()))
        else:
            self._write_buffer.write(_BINARY + text_frame(message)[1:])
        await trio.lowlevel.checkpoint()

    def pace(self, frames: int) -> float:
        """Read on at once, however many frames have come."""
        del frames
        return 0.0

    def end(self, *, goodbye: bool = False) -> None:
        """Do nothing: there is no session."""


@asynccontextmanager
async def echo_server() -> AsyncIterator[int]:
    """Serve on a free port of this machine, and give the port."""
    settings = Settings(redis="unix:///nowhere/redis.sock", outbox_bytes=MOST_BYTES, connect_rate=0)
    context = Node(settings).context
    slots = ConnectionSlots(1000)
    async with trio.open_nursery() as nursery:

        async def serve(connected: socket.socket, peer: ClientAddress) -> None:
            transport = SocketTransport(connected)
            served = connection.Connection(context, transport, peer, nursery.start_soon)
            await served.serve()
            slots.release()

        listeners = await open_listeners("127.0.0.1", 0)
        with (
            mock.patch.object(connection, "CommandDispatcher", EchoDispatcher),
            mock.patch.object(connection, "HELLO_SECONDS", math.inf),
            mock.patch.object(wire, "MAX_FRAME_BYTES", MOST_BYTES),
        ):
            nursery.start_soon(accept_forever, listeners, nursery, serve, slots)
            yield listeners[0].getsockname()[1]
            nursery.cancel_scope.cancel()
