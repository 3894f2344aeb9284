"""Frames that are bytes already: put together and looked into without parsing them. Pure.

A message's JSON is finished by Redis, which gives it ``seq`` and ``at``; from there to every
client's socket its bytes stay as they are.
"""

from __future__ import annotations

from typing import Final, cast

import msgspec

from gateway.wire import Member, Message

MESSAGE_PREFIX: Final = b'{"seq":'
"""How every ``message`` begins, so that a node finds its ``seq`` without parsing JSON."""


def encode_message_tail(*, room: str, sender: str, text: str, id: str) -> bytes:  # noqa: A002
    """Give a ``message`` without its head ``{"seq":N,"at":T``: Redis puts that before it."""
    body = msgspec.json.encode(
        {"type": "message", "room": room, "from": sender, "text": text, "id": id}
    )
    return b"," + body[1:]


def message_seq(message: bytes) -> int:
    """Read ``seq`` off the bytes of a ``message``."""
    return int(message[len(MESSAGE_PREFIX) : message.index(b",")])


def as_messages(encoded: list[bytes]) -> list[Message]:
    """Put messages that are bytes already into an answer; they are spliced in, never parsed."""
    return cast("list[Message]", [msgspec.Raw(message) for message in encoded])


def as_members(encoded: bytes, newcomer: str | None) -> list[Member]:
    """Put a list of members that is bytes already into an answer, with one more at its end."""
    if newcomer is not None:
        last = msgspec.json.encode(Member(nick=newcomer)) + b"]"
        encoded = encoded[:-1] + (b"," if len(encoded) > len(b"[]") else b"") + last
    return cast("list[Member]", msgspec.Raw(encoded))
