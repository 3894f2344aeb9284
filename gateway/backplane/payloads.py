"""Frames that are bytes already: put together and looked into without parsing them. Pure.

A message's JSON is finished by Redis, which gives it ``seq`` and ``at``; from there to every
client's socket its bytes stay as they are.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Final, cast

import msgspec

from gateway.wire import DirectMessage, Event, Member, Message, Position, encode

MESSAGE_PREFIX: Final = b'{"seq":'
"""How every ``message`` begins, so that a node finds its ``seq`` without parsing JSON."""
_MESSAGE_HEAD: Final = re.compile(rb'\{"seq":[0-9]{1,16},"at":[0-9]+,"(?:epoch":"[^"]*",")?type":"')
_ID: Final = b',"id":'
EPOCH_MARK: Final = b"="
"""What stands before a ``message`` where it is published, with its room's epoch: ``=E message``."""
DIRECT_MARK: Final = b"@"
"""What stands before a direct message where it is published, with its session: ``@sid message``."""
NOTE_MARK: Final = b"~"
"""The same for what is kept nowhere; in a room the session is the one that does not hear of it."""


def encode_message_tail(*, room: str, sender: str, text: str, id: str) -> bytes:  # noqa: A002
    """Return a ``message`` without its head ``{"seq":N,"at":T``, which Redis adds."""
    body = msgspec.json.encode(
        {"type": "message", "room": room, "from": sender, "text": text, "id": id}
    )
    return b"," + body[1:]


def encode_direct_tail(*, sender: str, to: str, text: str, id: str) -> bytes:  # noqa: A002
    """Return a ``direct`` without its head ``{"seq":N,"at":T,"epoch":"E"``, as above."""
    body = msgspec.json.encode({"type": "direct", "from": sender, "to": to, "text": text, "id": id})
    return b"," + body[1:]


@lru_cache(maxsize=10_000)
def epoch_mark(epoch: str) -> bytes:
    """Return what stands before a room's messages where they are published in this epoch."""
    return EPOCH_MARK + epoch.encode() + b" "


def digest_of(*said: str) -> str:
    """Return what tells another text from an attempt to say this one again: 16 hex digits."""
    return hashlib.blake2b("\0".join(said).encode(), digest_size=8).hexdigest()


def direct_mark(session: str) -> bytes:
    """Give what is published before a direct message, so that its node knows whose it is."""
    return DIRECT_MARK + session.encode() + b" "


def encode_note(session: str, event: Event) -> bytes:
    """Give what is published of an event that is kept nowhere."""
    return NOTE_MARK + session.encode() + b" " + encode(event)


def read_marked(payload: bytes) -> tuple[str, bytes]:
    """Read the session, and what is behind it, off a direct message or note as published."""
    session, _, rest = payload[1:].partition(b" ")
    return session.decode(), rest


def only_messages(entries: list[bytes]) -> list[bytes]:
    """Leave out what is no message: somebody else has put it into the log."""
    return [entry for entry in entries if _MESSAGE_HEAD.match(entry)]


def direct_epoch(message: bytes) -> str:
    """Return the ``epoch`` in which a ``direct`` was logged."""
    return message.split(b'"', 8)[7].decode()


def in_epoch(message: bytes, epoch: str) -> bytes:
    """Give a ``direct`` as of this epoch, which its inbox may have come to since it was logged."""
    logged = direct_epoch(message)
    if logged == epoch:
        return message
    return message.replace(b'"%s"' % logged.encode(), b'"%s"' % epoch.encode(), 1)


def message_seq(message: bytes) -> int:
    """Read ``seq`` off the bytes of a ``message``."""
    return int(message[len(MESSAGE_PREFIX) : message.index(b",")])


def identity(message: bytes) -> bytes:
    """Return what tells a logged message from any other that may take its place: seq, time, id."""
    return message.split(b',"type":', 1)[0] + message.rpartition(_ID)[2]


def ends_with_id(message: bytes, message_id: str) -> bool:
    """Return whether a message has this id, which comes last in it."""
    return message.endswith(_ID + msgspec.json.encode(message_id) + b"}")


def contradict(messages: list[bytes], seen: Position) -> bool:
    """Return whether these have another message than the one that was seen at a position."""
    if seen.id is None:
        return False
    return not all(ends_with_id(m, seen.id) for m in messages if message_seq(m) == seen.seq)


def as_messages(encoded: list[bytes]) -> list[Message]:
    """Put messages that are bytes already into an answer; they are spliced in, never parsed."""
    return cast("list[Message]", [msgspec.Raw(message) for message in encoded])


def as_directs(encoded: list[bytes]) -> list[DirectMessage]:
    """Put direct messages that are bytes already into an answer."""
    return cast("list[DirectMessage]", as_messages(encoded))


def as_members(encoded: bytes, newcomer: Member | None) -> list[Member]:
    """Put a list of members that is bytes already into an answer, with one more at its end."""
    if newcomer is not None:
        last = msgspec.json.encode(newcomer) + b"]"
        encoded = encoded[:-1] + (b"," if len(encoded) > len(b"[]") else b"") + last
    return cast("list[Member]", msgspec.Raw(encoded))
