"""The server's side of WebSocket (RFC 6455): the handshake and the frames. Pure.

A node does without trio-websocket and wsproto, which the client library uses: they keep a task,
channels and parsers for each connection, which cost 17 KiB and most of the time of a join. Here,
all recipients of a message share one frame.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
from collections.abc import Iterator
from typing import Final, NamedTuple

import h11

from gateway.wire.close_codes import TOO_BIG, Close

PING: Final = b"\x89\x00"
PROTOCOL_ERROR: Final = 1002
NOT_UTF8: Final = 1007

_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10
_OPCODE: Final = 0x0F
_FINAL: Final = 0x80
_RESERVED: Final = 0x70
_MASKED: Final = 0x80
_MASK_BYTES: Final = 4
_LENGTH_16: Final = 126
_LENGTH_64: Final = 127
_MOST_REASON_BYTES: Final = 123
_FIRST_CONTROL: Final = _FINAL | _CLOSE
_CONTROL: Final = frozenset({_FIRST_CONTROL, _FINAL | _PING, _FINAL | _PONG})
_WHOLE_TEXT: Final = _FINAL | _TEXT
_WHOLE_MESSAGES: Final = frozenset({_WHOLE_TEXT, _FINAL | _BINARY})
_BETWEEN: Final = _CONTROL | _WHOLE_MESSAGES | {_TEXT, _BINARY}
"""What the first byte of a frame may be after a whole message."""
_WITHIN: Final = _CONTROL | {_CONTINUATION, _FINAL | _CONTINUATION}
"""What the first byte of a frame may be while a message is in fragments."""
_CLOSE_CODES: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})
_NO_CODE: Final = 1005

_FIELDS: Final = (
    b"connection", b"content-length", b"sec-websocket-key", b"sec-websocket-protocol",
    b"sec-websocket-version", b"transfer-encoding", b"upgrade",
)  # fmt: skip
_VERSION: Final = b"13"
_KEY_BYTES: Final = 16
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""What the key is hashed with to show that the handshake was understood (RFC 6455 1.3)."""


# --- the handshake ----------------------------------------------------------------------------


class BadHandshake(Exception):
    """A handshake is invalid; the text says why, for the client's author."""

    def __init__(self, problem: str, *, is_other_version: bool = False) -> None:
        super().__init__(problem)
        self.is_other_version = is_other_version
        """Whether it is one of another version of the protocol."""


def is_upgrade(request: h11.Request) -> bool:
    """Return whether a request asks for a WebSocket, correctly or not.

    One of HTTP/1.0 never does (RFC 9110 7.8).
    """
    return request.http_version != b"1.0" and b"websocket" in map(
        bytes.lower, _read_fields(request)[b"upgrade"]
    )


def accept_handshake(request: h11.Request, subprotocol: str) -> bytes:
    """Return the response that accepts a handshake, with our subprotocol if it was offered.

    :raises BadHandshake: if the request does not comply with RFC 6455 4.2.1.
    """
    fields = _read_fields(request)
    if request.method != b"GET" or _has_body(fields):
        raise BadHandshake("A WebSocket begins with a GET that has no body.")
    if b"upgrade" not in map(bytes.lower, fields[b"connection"]):
        raise BadHandshake("The header Connection does not say Upgrade.")
    if (versions := fields[b"sec-websocket-version"]) != [_VERSION]:
        raise BadHandshake(
            "The header Sec-WebSocket-Version is not 13.", is_other_version=len(versions) == 1
        )
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


def _has_body(fields: dict[bytes, list[bytes]]) -> bool:
    lengths = fields[b"content-length"]
    return bool(fields[b"transfer-encoding"]) or any(length.strip(b"0") for length in lengths)


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
    """Reads one client's frames (RFC 6455 5); holds at most one unfinished message.

    - Its work grows linearly with the bytes received, however they are cut.
    - What is wrong is refused with the first byte that shows it: half a head, or the first part of
      a payload, is enough.
    """

    __slots__ = ("_limit", "_message", "_unread", "frames")

    def __init__(self, limit: int) -> None:
        """Read messages of up to ``limit`` bytes."""
        self._limit = limit
        self._unread = b""
        """The beginning of a head, or of a control frame: at most 130 bytes."""
        self._message: _Message | None = None
        self.frames = 0
        """The frames so far, whatever they are: fragments and control frames count, too."""

    def receive(self, data: bytes) -> Iterator[Inbound]:
        """Yield what these bytes complete; exhaust it before the next call.

        :raises ProtocolViolation: after everything before it was yielded.
        """
        at = 0
        if self._unread:
            data = self._unread + data
        elif self._message is not None:
            at = self._message.add(data, 0)
            if (whole := self._take_complete()) is not None:
                yield whole
        while (head := self._read_head(data, at)) is not None:
            first, begin, end = head
            if first < _FIRST_CONTROL and (first not in _WHOLE_MESSAGES or end > len(data)):
                self.frames += 1
                at = self._add_fragment(data, first, begin, end)
                if (whole := self._take_complete()) is not None:
                    yield whole
                continue
            if end > len(data):
                break
            self.frames += 1
            payload = _unmask(data[begin - _MASK_BYTES : begin], data[begin:end])
            at = end
            if first < _FIRST_CONTROL:
                yield _text(payload) if first == _WHOLE_TEXT else payload
            elif (answer := _answer_control(first & _OPCODE, payload)) is not None:
                yield answer
        self._unread = data[at:]

    def _read_head(self, data: bytes, at: int) -> tuple[int, int, int] | None:
        """Return the head of the frame at a place in the data; None if more bytes are needed.

        :returns: its first byte, where its payload begins, and where that ends.
        :raises ProtocolViolation: as soon as a byte of it is wrong.
        """
        message = self._message
        allowed, held = (_BETWEEN, 0) if message is None else (_WITHIN, len(message.data))
        available = len(data) - at
        if not available:
            return None
        first = data[at]
        if first not in allowed:
            raise _refuse_first(first)
        if available == 1:
            return None
        size = data[at + 1] ^ _MASKED
        if size >= _MASKED:
            raise ProtocolViolation(PROTOCOL_ERROR, "a client's frames are masked")
        begin = at + 2 + _MASK_BYTES
        if size >= _LENGTH_16:
            if first >= _FIRST_CONTROL:
                raise ProtocolViolation(PROTOCOL_ERROR, "a control frame has at most 125 bytes")
            extended = 2 if size == _LENGTH_16 else 8
            begin += extended
            if available < 2 + extended:
                return None
            size = _read_size(data[at + 2 : at + 2 + extended])
        if size + held > self._limit and first < _FIRST_CONTROL:
            raise ProtocolViolation(*TOO_BIG)
        return (first, begin, begin + size) if len(data) >= begin else None

    def _add_fragment(self, data: bytes, first: int, begin: int, end: int) -> int:
        """Add a frame, or what has come of it, to the message; return where the rest begins."""
        if self._message is None:
            self._message = _Message(is_text=first & _OPCODE == _TEXT)
        self._message.begin_frame(
            data[begin - _MASK_BYTES : begin], end - begin, is_last=first >= _FINAL
        )
        return self._message.add(data, begin)

    def _take_complete(self) -> str | bytes | None:
        """Return the message that was unfinished, if it is complete now."""
        message = self._message
        if message is None or not message.is_complete:
            return None
        self._message = None
        return message.finish()


class _Message:
    """A message that has not arrived as a whole: in fragments, or in pieces of one frame."""

    __slots__ = ("_awaited", "_decoder", "_is_last", "_mask", "data")

    def __init__(self, *, is_text: bool) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")() if is_text else None
        self.data = bytearray()
        self._mask = b""
        self._awaited = 0
        self._is_last = False

    @property
    def is_complete(self) -> bool:
        """Whether the payload of the last frame has arrived."""
        return self._is_last and not self._awaited

    def begin_frame(self, mask: bytes, size: int, *, is_last: bool) -> None:
        """Begin its next frame, whose payload has this size."""
        self._mask, self._awaited, self._is_last = mask, size, is_last

    def add(self, data: bytes, begin: int) -> int:
        """Add the payload that begins there, or what has come of it; return where that ends.

        :raises ProtocolViolation: if it is text and cannot become UTF-8 any more.
        """
        masked = data[begin : begin + self._awaited]
        size = len(masked)
        payload = _unmask(self._mask, masked)
        turn = size % _MASK_BYTES
        self._mask = self._mask[turn:] + self._mask[:turn]
        self._awaited -= size
        self.data += payload
        if self._decoder is not None:
            self._check_text(self._decoder, payload)
        return begin + size

    @staticmethod
    def _check_text(decoder: codecs.IncrementalDecoder, payload: bytes) -> None:
        try:
            decoder.decode(payload)
        except UnicodeDecodeError:
            raise ProtocolViolation(NOT_UTF8, "text is UTF-8") from None
        pending, _ = decoder.getstate()
        # The decoder waits for the third byte of a surrogate before it refuses the first two.
        if pending[:1] == b"\xed" and pending[1:] >= b"\xa0":
            raise ProtocolViolation(NOT_UTF8, "text is UTF-8")

    def finish(self) -> str | bytes:
        """Return the message, once it is complete."""
        return bytes(self.data) if self._decoder is None else _text(self.data)


def _refuse_first(first: int) -> ProtocolViolation:
    """Return what is wrong with the first byte of a frame."""
    opcode = first & _OPCODE
    if first & _RESERVED:
        reason = "reserved bits are set"
    elif opcode not in {_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG}:
        reason = f"opcode {opcode} means nothing"
    elif opcode >= _CLOSE:
        reason = "a control frame is never in fragments"
    else:
        reason = "a message begins before the last one ended, or never"
    return ProtocolViolation(PROTOCOL_ERROR, reason)


def _read_size(extended: bytes) -> int:
    """Return the size of a payload from an extended length of 2 or 8 bytes."""
    size = int.from_bytes(extended, "big")
    least = _LENGTH_16 if len(extended) == 2 else 1 << 16  # noqa: PLR2004
    if size < least or size >> 63:
        raise ProtocolViolation(PROTOCOL_ERROR, "the length is not in its shortest form")
    return size


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


def _text(payload: bytes | bytearray) -> str:
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
