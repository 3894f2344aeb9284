"""The server's side of WebSocket (RFC 6455): the handshake and the frames. Pure.

A node does without trio-websocket and wsproto, which the client library uses: they keep a task,
channels and parsers for each connection, which cost 17 KiB and most of the time of a join. Here,
all recipients of a message share one frame.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from typing import Final, NamedTuple

import h11

from gateway.wire.close_codes import TOO_BIG, Close

PING: Final = b"\x89\x00"
PROTOCOL_ERROR: Final = 1002
NOT_UTF8: Final = 1007

_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10
_FINAL: Final = 0x80
_RESERVED: Final = 0x70
_MASKED: Final = 0x80
_MASK_BYTES: Final = 4
_LENGTH_16: Final = 126
_LENGTH_64: Final = 127
_MOST_CONTROL_BYTES: Final = 125
_MOST_REASON_BYTES: Final = 123
_CLOSE_CODES: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})
_NO_CODE: Final = 1005

_FIELDS: Final = (
    b"connection", b"sec-websocket-key", b"sec-websocket-protocol", b"sec-websocket-version",
    b"upgrade",
)  # fmt: skip
_VERSION: Final = b"13"
_KEY_BYTES: Final = 16
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""What the key is hashed with to show that the handshake was understood (RFC 6455 1.3)."""


# --- the handshake ----------------------------------------------------------------------------


class BadHandshake(Exception):
    """A handshake is invalid; the text says why, for the client's author."""


def is_upgrade(request: h11.Request) -> bool:
    """Return whether a request asks for a WebSocket, correctly or not."""
    return b"websocket" in map(bytes.lower, _read_fields(request)[b"upgrade"])


def accept_handshake(request: h11.Request, subprotocol: str) -> bytes:
    """Return the response that accepts a handshake, with our subprotocol if it was offered.

    :raises BadHandshake: if the request does not comply with RFC 6455 4.2.1.
    """
    if request.method != b"GET" or request.http_version != b"1.1":
        raise BadHandshake("A WebSocket begins with GET and HTTP/1.1.")
    fields = _read_fields(request)
    if b"upgrade" not in map(bytes.lower, fields[b"connection"]):
        raise BadHandshake("The header Connection does not say Upgrade.")
    if fields[b"sec-websocket-version"] != [_VERSION]:
        raise BadHandshake("The header Sec-WebSocket-Version is not 13.")
    keys = fields[b"sec-websocket-key"]
    if len(keys) != 1 or not _is_key(keys[0]):
        raise BadHandshake("The header Sec-WebSocket-Key is not 16 bytes in base64.")
    proof = base64.b64encode(hashlib.sha1(keys[0] + _GUID, usedforsecurity=False).digest())
    chosen = b""
    if subprotocol.encode() in fields[b"sec-websocket-protocol"]:
        chosen = b"Sec-WebSocket-Protocol: " + subprotocol.encode() + b"\r\n"
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + proof + b"\r\n" + chosen + b"\r\n"
    )


def _read_fields(request: h11.Request) -> dict[bytes, list[bytes]]:
    """Return the comma-separated values of the headers in `_FIELDS`, of all their lines."""
    fields: dict[bytes, list[bytes]] = {name: [] for name in _FIELDS}
    for name, value in request.headers.raw_items():
        if (values := fields.get(name.lower())) is not None:
            values += map(bytes.strip, value.split(b","))
    return fields


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == _KEY_BYTES
    except binascii.Error:
        return False


# --- frames to the client ---------------------------------------------------------------------


def text_frame(payload: bytes) -> bytes:
    """Return one unmasked, final text frame with this UTF-8 in it (RFC 6455 5.2)."""
    size = len(payload)
    if size < _LENGTH_16:
        return bytes((_FINAL | _TEXT, size)) + payload
    if size < 1 << 16:
        return bytes((_FINAL | _TEXT, _LENGTH_16)) + size.to_bytes(2, "big") + payload
    return bytes((_FINAL | _TEXT, _LENGTH_64)) + size.to_bytes(8, "big") + payload


def close_frame(closing: Close) -> bytes:
    """Return a close frame (RFC 6455 5.5.1); a reason that is too long is cut."""
    reason = closing.reason.encode()[:_MOST_REASON_BYTES].decode("utf-8", "ignore").encode()
    payload = closing.code.to_bytes(2, "big") + reason
    return bytes((_FINAL | _CLOSE, len(payload))) + payload


# --- frames from the client -------------------------------------------------------------------


class CloseReceived(NamedTuple):
    """The client has sent a close frame: its code, and the close frame that answers it."""

    code: int
    echo: bytes


class ReplyDue(NamedTuple):
    """The client has sent a ping: the pong that answers it."""

    frame: bytes


class ProtocolViolation(Exception):
    """The client has broken the protocol or a limit; nothing more can be read from it."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.closing = Close(code, reason)


Inbound = str | bytes | ReplyDue | CloseReceived
"""What a client has sent: a text message, a binary one, a ping, or a close frame."""


class FrameReader:
    """Reads one client's frames (RFC 6455 5); holds at most one unfinished message."""

    __slots__ = ("_buffer", "_limit", "_message", "_opcode")

    def __init__(self, limit: int) -> None:
        """Read messages of up to ``limit`` bytes."""
        self._limit = limit
        self._buffer = b""
        self._opcode = 0
        self._message = b""

    def receive(self, data: bytes) -> Iterator[Inbound]:
        """Yield what these bytes complete; exhaust it before the next call.

        :raises ProtocolViolation: after everything before it was yielded.
        """
        if self._buffer:
            data = self._buffer + data
        at = 0
        while (head := _read_head(data, at)) is not None:
            opcode, final, begin, end = head
            self._check(opcode, final=final, size=end - begin)
            if end > len(data):
                break
            payload = _unmask(data[begin - _MASK_BYTES : begin], data[begin:end])
            at = end
            inbound: Inbound | None
            if opcode >= _CLOSE:
                inbound = _answer_control(opcode, payload)
            else:
                inbound = self._add_to_message(opcode, payload, final=final)
            if inbound is not None:
                yield inbound
        self._buffer = data[at:]

    def _check(self, opcode: int, *, final: bool, size: int) -> None:
        """Refuse a frame by its head, before its payload has arrived."""
        if opcode >= _CLOSE:
            if opcode > _PONG:
                raise ProtocolViolation(PROTOCOL_ERROR, f"opcode {opcode} means nothing")
            if not final or size > _MOST_CONTROL_BYTES:
                raise ProtocolViolation(
                    PROTOCOL_ERROR, "a control frame is whole and has at most 125 bytes"
                )
            return
        if opcode > _BINARY:
            raise ProtocolViolation(PROTOCOL_ERROR, f"opcode {opcode} means nothing")
        if size + len(self._message) > self._limit:
            raise ProtocolViolation(*TOO_BIG)
        if (opcode == _CONTINUATION) != bool(self._opcode):
            raise ProtocolViolation(
                PROTOCOL_ERROR, "a message begins before the last one ended, or never"
            )

    def _add_to_message(self, opcode: int, payload: bytes, *, final: bool) -> str | bytes | None:
        """Return the message that ends with this frame; None if it goes on."""
        if not final:
            self._opcode = opcode or self._opcode
            self._message += payload
            return None
        if opcode == _CONTINUATION:
            opcode, payload = self._opcode, self._message + payload
            self._opcode, self._message = 0, b""
        return _text(payload) if opcode == _TEXT else payload


def _read_head(data: bytes, at: int) -> tuple[int, bool, int, int] | None:
    """Return the head of the frame at a place in the data; None if more bytes are needed.

    :returns: the opcode, whether the frame is final, where its payload begins, and where it ends.
    """
    begin = at + 2 + _MASK_BYTES
    if len(data) < begin:
        return None
    first, size = data[at], data[at + 1]
    if first & _RESERVED:
        raise ProtocolViolation(PROTOCOL_ERROR, "reserved bits are set")
    if not size & _MASKED:
        raise ProtocolViolation(PROTOCOL_ERROR, "a client's frames are masked")
    size &= ~_MASKED
    if size >= _LENGTH_16:
        extended = 2 if size == _LENGTH_16 else 8
        begin += extended
        if len(data) < begin:
            return None
        size = int.from_bytes(data[at + 2 : at + 2 + extended], "big")
        if size < (_LENGTH_16 if extended == 2 else 1 << 16) or size >> 63:  # noqa: PLR2004
            raise ProtocolViolation(PROTOCOL_ERROR, "the length is not in its shortest form")
    return first & 0x0F, first >= _FINAL, begin, begin + size


def _answer_control(opcode: int, payload: bytes) -> ReplyDue | CloseReceived | None:
    """Return what a control frame is answered with; None for a pong."""
    if opcode == _PING:
        return ReplyDue(bytes((_FINAL | _PONG, len(payload))) + payload)
    return _close_received(payload) if opcode == _CLOSE else None


def _unmask(mask: bytes, payload: bytes) -> bytes:
    size = len(payload)
    key = mask * (size // _MASK_BYTES + 1)
    plain = int.from_bytes(payload, "big") ^ int.from_bytes(key[:size], "big")
    return plain.to_bytes(size, "big")


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise ProtocolViolation(NOT_UTF8, "text is UTF-8") from None


def _close_received(payload: bytes) -> CloseReceived:
    """Return what a close frame's payload says (RFC 6455 5.5.1, 7.4)."""
    if not payload:
        return CloseReceived(_NO_CODE, bytes((_FINAL | _CLOSE, 0)))
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not (code in _CLOSE_CODES or 3000 <= code <= 4999):  # noqa: PLR2004
        raise ProtocolViolation(PROTOCOL_ERROR, "this is no close code")
    _text(payload[2:])
    return CloseReceived(code, close_frame(Close(code, "")))
