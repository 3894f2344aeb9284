"""A TCP connection from a chosen address, and the HTTP responses and frames that come over it."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import trio

from tests.http import Response
from tests.websocket import CLOSE, Frame, handshake, take_frame

_IP_BIND_ADDRESS_NO_PORT: Final = 24
"""Linux's number of it: the port is chosen at ``connect``, so that each address has all ports."""
_RESET_AT_ONCE: Final = struct.pack("ii", 1, 0)
_RECEIVE_BYTES: Final = 65_536
_CUT_OFF: Final = Frame(CLOSE, (1006).to_bytes(2, "big"))


class Connection:
    """One connection; it reads only while it is asked to, and answers nothing by itself."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._sending = trio.Lock()
        self._received = bytearray()

    async def send(self, data: bytes) -> None:
        """Send bytes; several tasks may, one after the other.

        :raises trio.BrokenResourceError: if the connection is lost.
        """
        async with self._sending:
            await self._stream.send_all(data)

    async def upgrade(self, headers: str = "") -> int:
        """Open the WebSocket, with further header lines; return the HTTP status.

        It is 0 if the connection ended without an answer.
        """
        await self.send(handshake()[:-2] + headers.encode() + b"\r\n")
        return await self.status()

    async def status(self) -> int:
        """Receive the head of an HTTP response; return its status, 0 if none came."""
        while b"\r\n\r\n" not in self._received:
            if not await self._receive():
                return 0
        head, _, rest = self._received.partition(b"\r\n\r\n")
        self._received = rest
        return Response(bytes(head)).status

    async def next_frame(self) -> Frame:
        """Receive the next frame; at the end of the connection a close frame with 1006."""
        while (frame := take_frame(self._received)) is None:
            if not await self._receive():
                return _CUT_OFF
        return frame

    async def read_to_end(self) -> None:
        """Receive until the other side closes, and forget it all."""
        while await self._receive():
            self._received.clear()

    async def _receive(self) -> bool:
        try:
            chunk = await self._stream.receive_some(_RECEIVE_BYTES)
        except trio.BrokenResourceError:
            return False
        self._received += chunk
        return bool(chunk)


@asynccontextmanager
async def connected(
    port: int, address: str, *, receive_buffer: int = 0
) -> AsyncIterator[Connection]:
    """Connect from an address of this machine; in the end the connection is reset.

    - ``receive_buffer``: bytes that the kernel takes in without being read; 0: as many as it likes.

    :raises OSError: if nobody accepts it.
    """
    connecting = trio.socket.socket()
    with connecting:
        connecting.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        # No closed connection lingers on this side, where it would keep a port.
        connecting.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
        if receive_buffer:
            connecting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await connecting.bind((address, 0))
        await connecting.connect(("127.0.0.1", port))
        yield Connection(trio.SocketStream(connecting))
