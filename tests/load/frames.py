"""What a load client says and hears, as bytes; nothing here is slower than it must be."""

from __future__ import annotations

import re
from typing import Final

PING: Final = b"\x89\x00"
"""A node's ping; no text of ours has such bytes."""
MESSAGE: Final = b'{"seq":'
ACK: Final = b'"type":"ok","id":"m'
REFUSAL: Final = b'"type":"error"'

_HEARD: Final = re.compile(
    rb'\{"seq":(\d+),"at":\d+,"type":"message","room":"([^"]*)",'
    rb'"from":"[^"]*","text":"'
    rb'(?:@(\d+)@|","erased":true,)'
)
"""A message, or the tombstone of one, which does not tell when it was to be sent."""
_ACKED: Final = re.compile(rb'"type":"ok","id":"([mp])\d+\.(\d+)"')
_REFUSED: Final = re.compile(rb'"type":"error","code":"([^"]*)"[^}]*"id":"m[^}]*\}')
_LONGEST_HEAD: Final = 512
"""Bytes of a message, at most, up to the end of what is looked for."""


def handshake(authority: str, resource: str) -> bytes:
    """Give the request that opens the WebSocket; nobody checks its key."""
    return (
        f"GET {resource} HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Protocol: chat.v1\r\n\r\n"
    ).encode()


def frame(payload: bytes, opcode: int = 1) -> bytes:
    """Give a client's frame; its mask is zero, which RFC 6455 allows and costs nothing."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, 0x80 | size)) + bytes(4) + payload
    return bytes((0x80 | opcode, 0x80 | 126)) + size.to_bytes(2, "big") + bytes(4) + payload


def close_code(heard: bytes) -> str:
    """Give the code with which the node closed, if the last that was heard of it is that."""
    at = heard.rfind(b"\x88")
    whole = at >= 0 and at + 4 <= len(heard) == at + 2 + heard[at + 1]
    return str(int.from_bytes(heard[at + 2 : at + 4], "big")) if whole else ""


PONG: Final = frame(b"", 0xA)


def hello(nick: str) -> bytes:
    """Give the first command."""
    return frame(b'{"type":"hello","id":"hello","nick":"%s"}' % nick.encode())


def join(room: str) -> bytes:
    """Give the command that enters a room, without its past."""
    return frame(b'{"type":"join","id":"join","history":0,"room":"%s"}' % room.encode())


def send(room: str, number: int, intended: int, padding: bytes) -> bytes:
    """Give a message that tells when it was to be sent, in microseconds of the monotonic clock."""
    return frame(
        b'{"type":"send","id":"m%d.%d","room":"%s","text":"@%d@%s"}'
        % (number, intended, room.encode(), intended, padding)
    )


def ping(number: int, intended: int) -> bytes:
    """Give a `ping` command that tells when it was to be sent."""
    return frame(b'{"type":"ping","id":"p%d.%d"}' % (number, intended))


class Counter:
    """Counts words in a stream that comes in pieces of any size."""

    __slots__ = ("_tail", "_words")

    def __init__(self, words: bytes) -> None:
        self._words = words
        self._tail = b""

    def count(self, chunk: bytes) -> int:
        """Give how many of the words end in this piece."""
        if self._tail:
            chunk = self._tail + chunk
        # No word goes on behind a brace; else what is kept is shorter than a word, lest one be
        # counted twice.
        self._tail = b"" if chunk.endswith(b"}") else chunk[1 - len(self._words) :]
        return chunk.count(self._words)


class Refusals:
    """Reads why messages were refused out of a stream that comes in pieces."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def hear(self, chunk: bytes) -> list[str]:
        """Give the code of every refusal of a message that ends in this piece."""
        if self._rest:
            chunk = self._rest + chunk
        # What is behind the last brace has not ended, and a refusal has no other brace.
        self._rest = b"" if chunk.endswith(b"}") else chunk[chunk.rfind(b"}") + 1 :]
        return [code.decode() for code in _REFUSED.findall(chunk)] if REFUSAL in chunk else []


class Listener:
    """Reads every message and every answer out of a stream that comes in pieces."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def hear(self, chunk: bytes) -> tuple[list[tuple[int, bytes, int]], list[tuple[bytes, int]]]:
        """Give messages as (seq, room, intended) and answers as (``m`` or ``p``, intended)."""
        data = self._rest + chunk
        end = 0
        messages, answers = [], []
        for found in _HEARD.finditer(data):
            messages.append((int(found[1]), found[2], int(found[3] or 0)))
            end = found.end()
        for found in _ACKED.finditer(data):
            answers.append((found[1], int(found[2])))
            end = max(end, found.end())
        self._rest = data[max(end, len(data) - _LONGEST_HEAD) :]
        return messages, answers
