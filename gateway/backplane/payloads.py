"""Messages as bytes: composed, and read without parsing their JSON. Pure.

Redis completes a message's JSON by ``seq`` and ``at``; from there to every client its bytes stay
the same.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Final, cast

import msgspec

from gateway.wire import DirectMessage, Event, Member, Message, Position, RoomInfo, encode

MESSAGE_PREFIX: Final = b'{"seq":'
"""The beginning of the JSON of every ``message``; its ``seq`` follows."""
_MESSAGE_HEAD: Final = re.compile(rb'\{"seq":[0-9]{1,16},"at":[0-9]+,"(?:epoch":"[^"]*",")?type":"')
_TYPE: Final = b',"type":'
_ID: Final = b',"id":'
EPOCH_MARK: Final = b"="
"""Published before a ``message``, with its room's epoch: ``=EPOCH message``."""
OWN_FIELD: Final = b',"own":true'
"""In a logged ``direct`` before `person_field`, if the owner of the inbox, an account, wrote it."""
DIRECT_MARK: Final = b"@"
"""Published before a direct message, with the owner of its inbox: ``@OWNER message``.

The owner is an account, on whose channel it is published, or the session of a guest."""
NOTE_MARK: Final = b"~"
"""Published before an event that is not logged: ``~SESSION event``.

On a node's or an account's channel, the recipient is in the place of the session, as for a direct
message; on a room's channel it is the session that is left out."""
ACCOUNT_EVENT_MARK: Final = b"!"
"""Published on an account's channel before an event for the nodes that have sessions of it."""


def encode_message_tail(*, room: str, sender: str, text: str, id: str) -> bytes:  # noqa: A002
    """Return the JSON of a ``message`` without its head ``{"seq":N,"at":T``, which Redis adds."""
    body = msgspec.json.encode(
        {"type": "message", "room": room, "from": sender, "text": text, "id": id}
    )
    return b"," + body[1:]


def encode_direct_tail(
    *,
    sender: str,
    to: str,
    text: str,
    id: str,  # noqa: A002
    person: str,
    own: bool = False,
) -> bytes:
    """Return the JSON of a ``direct`` without its head ``{"seq":N,"at":T,"epoch":"E"``.

    - Its ``id`` comes last, as that of a ``message``: `message_id` and others rely on that.
    - ``person`` is the tag of whoever is not the owner of the inbox; it comes before the ``id``.
    - ``own`` is whether the owner of the inbox, an account, wrote it; it comes before ``person``.
    """
    fields = {"type": "direct", "from": sender, "to": to, "text": text}
    said = {**fields, "own": True} if own else fields
    return b"," + msgspec.json.encode({**said, "person": person, "id": id})[1:]


def person_field(tag: str) -> bytes:
    """Return the part of a logged ``direct`` that says with whom it is.

    It is nowhere else in its JSON, where quotation marks within a text are escaped.
    """
    return b',"person":%s,"id":' % msgspec.json.encode(tag)


@lru_cache(maxsize=10_000)
def epoch_mark(epoch: str) -> bytes:
    """Return the prefix of a room's published messages in this epoch."""
    return EPOCH_MARK + epoch.encode() + b" "


def digest_of(*said: str) -> str:
    """Return a digest of a message's contents, of 16 hex digits."""
    return hashlib.blake2b("\0".join(said).encode(), digest_size=8).hexdigest()


def direct_mark(owner: str) -> bytes:
    """Return the prefix of the published direct messages of an inbox."""
    return DIRECT_MARK + owner.encode() + b" "


def encode_note(session: str, event: Event) -> bytes:
    """Return the publication of an event that is not logged."""
    return NOTE_MARK + session.encode() + b" " + encode(event)


def read_marked(payload: bytes) -> tuple[str, bytes]:
    """Return the session, or owner, and the JSON in the publication of a direct message or note."""
    session, _, rest = payload[1:].partition(b" ")
    return session.decode(), rest


def only_messages(entries: list[bytes]) -> list[bytes]:
    """Return the entries that are messages; other programs may have added others."""
    return [entry for entry in entries if _MESSAGE_HEAD.match(entry)]


def direct_epoch(message: bytes) -> str:
    """Return the ``epoch`` in which a ``direct`` was logged."""
    return message.split(b'"', 8)[7].decode()


def direct_sender(message: bytes) -> bytes:
    """Return the nickname in the field ``from`` of a ``direct``, as it is written in JSON.

    Empty if the message is that of another program, and has no such field.
    """
    parts = message.split(b'"', 16)
    return parts[15] if len(parts) > 16 and parts[13] == b"from" else b""  # noqa: PLR2004


def in_epoch(message: bytes, epoch: str) -> bytes:
    """Return a ``direct`` with this epoch in place of the one in which it was logged."""
    logged = direct_epoch(message)
    if logged == epoch:
        return message
    return message.replace(b'"%s"' % logged.encode(), b'"%s"' % epoch.encode(), 1)


def message_seq(message: bytes) -> int:
    """Return the ``seq`` of a message."""
    return int(message[len(MESSAGE_PREFIX) : message.index(b",")])


def identity(message: bytes) -> bytes:
    """Return a message's identity, which no other at its ``seq`` has: its seq, time and id."""
    return message.split(_TYPE, 1)[0] + message.rpartition(_ID)[2]


def message_id(message: bytes) -> str:
    """Return the ``id`` of a message, which comes last in its JSON."""
    found: str = msgspec.json.decode(message.rpartition(_ID)[2][:-1])
    return found


def shorten(message: bytes) -> bytes:
    """Return a message without what is said in it, which has the same seq and identity."""
    return message.split(_TYPE, 1)[0] + _TYPE + _ID + message.rpartition(_ID)[2]


def ends_with_id(message: bytes, message_id: str) -> bool:
    """Return whether a message has this id, which comes last in its JSON."""
    return message.endswith(_ID + msgspec.json.encode(message_id) + b"}")


def contradict(messages: list[bytes], seen: Position) -> bool:
    """Return whether one of these messages is in the place of the one seen, and is another."""
    if seen.id is None:
        return False
    return not all(ends_with_id(m, seen.id) for m in messages if message_seq(m) == seen.seq)


def as_messages(encoded: list[bytes]) -> list[Message]:
    """Return encoded messages as a field of an event; their bytes are spliced in, not parsed."""
    return cast("list[Message]", [msgspec.Raw(message) for message in encoded])


NO_MESSAGES: Final = cast("list[Message]", msgspec.Raw(b"[]"))
"""An empty list of messages that is sent, although it is the field's default."""


def as_directs(encoded: list[bytes]) -> list[DirectMessage]:
    """Return encoded direct messages as a field of an event, as `as_messages` does."""
    return cast("list[DirectMessage]", as_messages(encoded))


def as_members(encoded: bytes, newcomer: Member | None = None) -> list[Member]:
    """Return an encoded list of members, and ``newcomer`` at its end, as a field of an event."""
    if newcomer is not None:
        last = msgspec.json.encode(newcomer) + b"]"
        encoded = encoded[:-1] + (b"," if len(encoded) > len(b"[]") else b"") + last
    return cast("list[Member]", msgspec.Raw(encoded))


def as_rooms(encoded: bytes) -> list[RoomInfo]:
    """Return an encoded list of rooms as a field of an event, as `as_messages` does."""
    return cast("list[RoomInfo]", msgspec.Raw(encoded))
