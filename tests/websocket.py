"""A WebSocket client that does only what a test says, and its handshake and frames as bytes."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, NamedTuple

import trio

from client.addresses import NodeAddress
from gateway import wire
from tests import PATIENCE
from tests.http import Response

KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT: Final = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The key of every handshake, and what is to be answered to it: RFC 6455, 1.3."""

TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA


def handshake(
    authority: str = "localhost",
    resource: str = wire.PATH,
    protocols: str = wire.SUBPROTOCOL,
    more: str = "",
) -> bytes:
    """Return the request that opens a WebSocket, with ``more`` lines in its head.

    Without ``protocols`` it offers none.
    """
    offered = f"Sec-WebSocket-Protocol: {protocols}\r\n" if protocols else ""
    return (
        f"GET {resource} HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: {KEY}\r\n{offered}{more}\r\n"
    ).encode()


def encode_frame(payload: bytes, opcode: int = TEXT, *, is_last: bool = True) -> bytes:
    """Return a client's frame; its masking key is 0, so that nothing need be masked."""
    size = len(payload)
    if size < 126:
        length = bytes((0x80 | size,))
    elif size < 1 << 16:
        length = b"\xfe" + size.to_bytes(2, "big")
    else:
        length = b"\xff" + size.to_bytes(8, "big")
    return bytes((is_last << 7 | opcode,)) + length + bytes(4) + payload


def encode_close(code: int, reason: str = "") -> bytes:
    """Return a client's close frame."""
    return encode_frame(code.to_bytes(2, "big") + reason.encode(), CLOSE)


class Frame(NamedTuple):
    """A frame of a node."""

    opcode: int
    payload: bytes


def take_frame(data: bytearray) -> Frame | None:
    """Take the first frame out of what a node has sent; None if it is not complete."""
    if len(data) < 2:
        return None
    size, begin = data[1], 2
    assert size < 0x80, "a node masks nothing"
    if size >= 126:
        begin = 4 if size == 126 else 10
        size = int.from_bytes(data[2:begin], "big")
    if len(data) < begin + size:
        return None
    assert data[0] & 0xF0 == 0x80, "a node sends each message in one frame"
    frame = Frame(data[0] & 0x0F, bytes(data[begin : begin + size]))
    del data[: begin + size]
    return frame


class WebSocketClient:
    """A client after its handshake.

    It reads only while it is asked to, and then answers pings and the node's close frame.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.close_reason = ""
        """What the node's close frame said."""
        self._received = bytearray()
        self._has_closed = False

    async def send(self, payload: bytes, *, opcode: int = TEXT) -> None:
        """Send one frame."""
        await self.stream.send_all(encode_frame(payload, opcode))

    async def say(self, command: dict[str, Any] | str | bytes) -> None:
        """Send a command, or text or binary data in its place."""
        if isinstance(command, bytes):
            await self.send(command, opcode=BINARY)
        else:
            text = command if isinstance(command, str) else json.dumps(command)
            await self.send(text.encode())

    async def hear_text(self) -> str:
        """Receive the next text as it is."""
        frame = await self._next_frame()
        assert frame.opcode == TEXT, f"closed: {frame}"
        return frame.payload.decode()

    async def hear(self) -> dict[str, Any]:
        """Receive the next event."""
        event: dict[str, Any] = json.loads(await self.hear_text())
        return event

    async def hear_type(self, *types: str) -> dict[str, Any]:
        """Receive events until one is of these types."""
        while (event := await self.hear())["type"] not in types:
            pass
        return event

    async def ask(self, command: dict[str, Any] | str | bytes) -> dict[str, Any]:
        """Send a command and receive its `ok`, `error` or `welcome`."""
        await self.say(command)
        return await self.hear_type("ok", "error", "welcome")

    async def join(self, room: str = "lobby", **fields: Any) -> dict[str, Any]:
        """Join a room; return the answer."""
        return await self.ask({"type": "join", "room": room, "id": "j"} | fields)

    async def members(self, room: str = "lobby") -> set[str]:
        """Return the nicknames of a room's members, read page by page."""
        nicks: set[str] = set()
        after: dict[str, str] = {}
        while True:
            page = await self.ask({"type": "members", "room": room, "id": "m"} | after)
            nicks |= {member["nick"] for member in page["members"]}
            if "next" not in page:
                return nicks
            after = {"after": page["next"]}

    async def lists(self, *nicks: str, room: str = "lobby") -> bool:
        """Return whether these are all members of a room."""
        return await self.members(room) == set(nicks)

    async def rename(self, nick: str) -> bool:
        """Ask for another nickname; return whether it was given."""
        answer = await self.ask({"type": "nick", "nick": nick, "id": secrets.token_hex(4)})
        return bool(answer["type"] == "ok")

    async def break_off(self) -> None:
        """Lose the connection, without a goodbye."""
        await trio.aclose_forcefully(self.stream)

    async def close(self, code: int = 1000, reason: str = "") -> int:
        """Say goodbye; return the code of the node's close frame."""
        self._has_closed = True
        await self.stream.send_all(encode_close(code, reason))
        return await self.closed()

    async def closed(self) -> int:
        """Receive until the node closes; return its close code, or 1006."""
        while (frame := await self._next_frame()).opcode != CLOSE:
            pass
        if not self._has_closed:
            self._has_closed = True
            with suppress(trio.BrokenResourceError):
                await self.send(frame.payload, opcode=CLOSE)
        self.close_reason = frame.payload[2:].decode()
        return int.from_bytes(frame.payload[:2], "big")

    async def receive_until(self, words: bytes, *, seconds: float = PATIENCE) -> bytes:
        """Receive until these bytes have come; return all up to and including them."""
        with trio.fail_after(seconds):
            while words not in self._received:
                assert await self._receive(), f"closed after {self._received!r}"
        end = self._received.index(words) + len(words)
        taken = bytes(self._received[:end])
        del self._received[:end]
        return taken

    async def receive_all(self) -> bytes:
        """Receive until the connection ends; return it all, and answer nothing."""
        with trio.fail_after(PATIENCE):
            while await self._receive():
                pass
        return bytes(self._received)

    async def _next_frame(self) -> Frame:
        """Return the next text or close frame; at the end of the connection a close frame."""
        while True:
            frame = take_frame(self._received)
            if frame is None:
                with trio.fail_after(PATIENCE):
                    if not await self._receive():
                        return Frame(CLOSE, (1006).to_bytes(2, "big"))
            elif frame.opcode == PING:
                await self.send(frame.payload, opcode=PONG)
            else:
                return frame

    async def _receive(self) -> bool:
        chunk = await self.stream.receive_some()
        self._received += chunk
        return bool(chunk)


async def open_websocket(
    stream: trio.abc.Stream, authority: str = "localhost", resource: str = wire.PATH
) -> WebSocketClient:
    """Shake hands over a stream."""
    await stream.send_all(handshake(authority, resource))
    client = WebSocketClient(stream)
    response = Response(await client.receive_until(b"\r\n\r\n"))
    assert (response.status, response.headers["sec-websocket-accept"]) == (101, ACCEPT)
    assert response.headers["sec-websocket-protocol"] == wire.SUBPROTOCOL
    return client


@asynccontextmanager
async def connect(url: str, nick: str | None = None) -> AsyncIterator[WebSocketClient]:
    """Connect to a node, and say hello if there is a nickname; say goodbye at the end."""
    place = NodeAddress.from_url(url)
    async with await trio.open_tcp_stream(place.host, place.port) as stream:
        client = await open_websocket(stream, place.authority, place.resource)
        if nick is not None:
            answer = await client.ask({"type": "hello", "nick": nick})
            assert answer["type"] == "welcome", answer
        yield client
        with trio.move_on_after(1), suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await stream.send_all(encode_close(1000))
            await client.receive_all()
