"""WebSocket (RFC 6455) as a server speaks it: the handshake and the frames. Pure.

wsproto reads the frames. What is around it is our own, because the frames that go out are shared by
many clients, and because the connection object of trio-websocket, which the client library uses,
costs a task, two channels and about 15 KiB for each client.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import h11
from wsproto.frame_protocol import CloseReason, FrameProtocol, Opcode, ParseFailed

from gateway.closing import TOO_BIG, Closing

PING: Final = b"\x89\x00"

_TEXT: Final = 0x81
_CLOSE: Final = 0x88
_PONG: Final = 0x8A
_LENGTH_16: Final = 126
_LENGTH_64: Final = 127

_VERSION: Final = b"13"
_KEY_BYTES: Final = 16
_MOST_REASON_BYTES: Final = 123
_MOST_PARTS: Final = 64
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""What the key is hashed with to show that the handshake was understood (RFC 6455 1.3)."""


# --- the handshake ----------------------------------------------------------------------------


class CannotUpgrade(Exception):
    """A request for a WebSocket that cannot be granted; the text is for who wrote the client."""


def is_upgrade(request: h11.Request) -> bool:
    """Tell whether a request asks for a WebSocket, rightly or not."""
    return b"websocket" in _tokens(request, b"upgrade")


def accept(request: h11.Request, subprotocol: str) -> bytes:
    """Give the response that grants a WebSocket, with our subprotocol if it was offered.

    :raises CannotUpgrade: if the request is not as RFC 6455 4.2.1 wants it.
    """
    if request.method != b"GET" or request.http_version != b"1.1":
        raise CannotUpgrade("A WebSocket begins with GET and HTTP/1.1.")
    if b"upgrade" not in _tokens(request, b"connection"):
        raise CannotUpgrade("The header Connection does not say Upgrade.")
    if _values(request, b"sec-websocket-version") != [_VERSION]:
        raise CannotUpgrade("The header Sec-WebSocket-Version is not 13.")
    keys = _values(request, b"sec-websocket-key")
    if len(keys) != 1 or not _is_key(keys[0]):
        raise CannotUpgrade("The header Sec-WebSocket-Key is not 16 bytes in base64.")
    proof = base64.b64encode(hashlib.sha1(keys[0] + _GUID, usedforsecurity=False).digest())
    chosen = b""
    if subprotocol.encode() in _values(request, b"sec-websocket-protocol"):
        chosen = b"Sec-WebSocket-Protocol: " + subprotocol.encode() + b"\r\n"
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + proof + b"\r\n" + chosen + b"\r\n"
    )


def _values(request: h11.Request, name: bytes) -> list[bytes]:
    """Give a header's comma-separated values, over all its lines."""
    lines = [value for key, value in request.headers if key == name]
    return [value.strip() for line in lines for value in line.split(b",")]


def _tokens(request: h11.Request, name: bytes) -> list[bytes]:
    return [value.lower() for value in _values(request, name)]


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == _KEY_BYTES
    except binascii.Error:
        return False


# --- frames to the client ---------------------------------------------------------------------


def text_frame(payload: bytes) -> bytes:
    """Wrap UTF-8 into one unmasked, final text frame (RFC 6455 5.2)."""
    size = len(payload)
    if size < _LENGTH_16:
        return bytes((_TEXT, size)) + payload
    if size < 1 << 16:
        return bytes((_TEXT, _LENGTH_16)) + size.to_bytes(2, "big") + payload
    return bytes((_TEXT, _LENGTH_64)) + size.to_bytes(8, "big") + payload


def close_frame(closing: Closing) -> bytes:
    """Give a close frame (RFC 6455 5.5.1)."""
    reason = closing.reason.encode()[:_MOST_REASON_BYTES].decode("utf-8", "ignore").encode()
    payload = closing.code.to_bytes(2, "big") + reason
    return bytes((_CLOSE, len(payload))) + payload


# --- frames from the client -------------------------------------------------------------------


class Goodbye(NamedTuple):
    """The client's close frame: its code, and the close frame that answers it."""

    code: int
    echo: bytes


class Reply(NamedTuple):
    """A frame that must be sent because of what the client sent: the pong to its ping."""

    frame: bytes


class Broken(Exception):
    """The client broke the protocol or a limit; nothing more can be read from it."""

    def __init__(self, closing: Closing) -> None:
        super().__init__(closing.reason)
        self.closing = closing


class Inbound:
    """What one client sends: bytes in, whole messages out. Holds at most one unfinished message."""

    __slots__ = ("_frames", "_limit", "_parts", "_size")

    def __init__(self, limit: int) -> None:
        """Take messages of up to ``limit`` bytes."""
        self._frames = FrameProtocol(client=False, extensions=[])
        self._limit = limit
        self._size = 0
        self._parts: list[str | bytes] = []

    def receive(self, data: bytes) -> Iterator[str | bytes | Reply | Goodbye]:
        """Give what is complete with these bytes: text, binary messages, pings, the end.

        :raises Broken: if the connection cannot go on; what came before is given first.
        """
        self._frames.receive_bytes(data)
        try:
            for frame in self._frames.received_frames():
                # What a payload is follows from the opcode; wsproto's types do not say so.
                payload: Any = frame.payload
                if frame.opcode is Opcode.TEXT or frame.opcode is Opcode.BINARY:
                    message = self._gather(payload, finished=frame.message_finished)
                    if message is not None:
                        yield message
                elif frame.opcode is Opcode.PING:
                    yield Reply(bytes((_PONG, len(payload))) + payload)
                elif frame.opcode is Opcode.CLOSE:
                    yield _goodbye(payload)
        except ParseFailed as error:
            raise Broken(Closing(int(error.code), str(error))) from None

    def _gather(self, payload: str | bytes, *, finished: bool) -> str | bytes | None:
        """Take a part of a message; give the message if this was the last one."""
        if isinstance(payload, str) and not payload.isascii():
            self._size += len(payload.encode())
        else:
            self._size += len(payload)
        if self._size > self._limit:
            raise Broken(TOO_BIG)
        if finished and not self._parts:
            self._size = 0
            return payload
        if payload:
            self._parts.append(payload)
        if finished or len(self._parts) > _MOST_PARTS:
            # Small parts are joined early: each would take more room than its bytes.
            self._parts = [payload[:0].join(self._parts)]  # type: ignore[arg-type] # all of a kind
        if not finished:
            return None
        [message], self._parts, self._size = self._parts, [], 0
        return message


def _goodbye(payload: tuple[int, str]) -> Goodbye:
    code, _ = payload
    if code == CloseReason.NO_STATUS_RCVD:
        return Goodbye(int(code), bytes((_CLOSE, 0)))
    return Goodbye(int(code), close_frame(Closing(int(code), "")))
