"""The frames of a load client as bytes, made and read with as little work as possible. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from tests import websocket
from tests.websocket import encode_frame

PING: Final = b"\x89\x00"
"""A node's ping; no text that the load test sends has these bytes."""
MESSAGE: Final = b'{"seq":'
ACK: Final = b'"type":"ok","id":"m'
REFUSAL: Final = b'"type":"error"'

_HEARD: Final = re.compile(
    rb'\{"seq":(\d+),"at":\d+,"type":"message","room":"([^"]*)",'
    rb'"from":"[^"]*","text":"'
    rb'(?:@(\d+)@|","erased":true,)'
)
"""A message, or the tombstone of one, which has no intended time."""
_ACKED: Final = re.compile(rb'"type":"ok","id":"([mp])\d+\.(\d+)"')
_REFUSED: Final = re.compile(rb'"type":"error","code":"([^"]*)"[^}]*"id":"m[^}]*\}')
_LONGEST_HEAD: Final = 512
"""The most bytes of a message up to the end of what is looked for."""


def close_code(heard: bytes) -> str:
    """Return the close code if ``heard`` ends with a close frame, else an empty string."""
    at = heard.rfind(b"\x88")
    whole = at >= 0 and at + 4 <= len(heard) == at + 2 + heard[at + 1]
    return str(int.from_bytes(heard[at + 2 : at + 4], "big")) if whole else ""


PONG: Final = encode_frame(b"", websocket.PONG)


def hello(nick: str) -> bytes:
    """Return the `hello` command."""
    return encode_frame(b'{"type":"hello","id":"hello","nick":"%s"}' % nick.encode())


def sign_in(account: Mapping[str, str]) -> bytes:
    """Return the `hello` command with an account, given what proves it."""
    return encode_frame(json.dumps({"type": "hello", "id": "hello", **account}).encode())


def join(room: str) -> bytes:
    """Return the `join` command, without history."""
    return encode_frame(b'{"type":"join","id":"join","history":0,"room":"%s"}' % room.encode())


def send(room: str, number: int, intended: int, padding: bytes) -> bytes:
    """Return a `send` command that says when it was to be sent, in microseconds."""
    return encode_frame(
        b'{"type":"send","id":"m%d.%d","room":"%s","text":"@%d@%s"}'
        % (number, intended, room.encode(), intended, padding)
    )


def ping(number: int, intended: int) -> bytes:
    """Return a `ping` command that says when it was to be sent, in microseconds."""
    return encode_frame(b'{"type":"ping","id":"p%d.%d"}' % (number, intended))


class WordCounter:
    """Counts words in a stream that comes in pieces of any size."""

    __slots__ = ("_tail", "_words")

    def __init__(self, words: bytes) -> None:
        self._words = words
        self._tail = b""

    def count(self, chunk: bytes) -> int:
        """Return how many of the words end in this piece."""
        if self._tail:
            chunk = self._tail + chunk
        # No word continues after a brace. What is kept is shorter than a word: none counts twice.
        self._tail = b"" if chunk.endswith(b"}") else chunk[1 - len(self._words) :]
        return chunk.count(self._words)


class RefusalReader:
    """Reads why messages were refused out of a stream that comes in pieces."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def read(self, chunk: bytes) -> list[str]:
        """Return the error codes of the refused messages whose refusals end in this piece."""
        if self._rest:
            chunk = self._rest + chunk
        # What follows the last brace is incomplete, and a refusal has no brace inside.
        self._rest = b"" if chunk.endswith(b"}") else chunk[chunk.rfind(b"}") + 1 :]
        return [code.decode() for code in _REFUSED.findall(chunk)] if REFUSAL in chunk else []


class MessageReader:
    """Reads every message and every answer out of a stream that comes in pieces."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def read(self, chunk: bytes) -> tuple[list[tuple[int, bytes, int]], list[tuple[bytes, int]]]:
        """Return messages as (seq, room, intended time), answers as (``m`` or ``p``, intended)."""
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
