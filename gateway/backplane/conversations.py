"""The conversations in an account's inbox: what is kept of each, and which messages it has. Pure.

The messages with a guest are a conversation of their own for each session of that guest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from gateway.backplane.payloads import OWN_FIELD, person_field

MOST_PEERS: Final = 1000
"""Conversations that an inbox keeps, at least. When there are a tenth more, those in which nothing
was said for the longest time are forgotten; their messages stay."""
PAGE: Final = 100
"""Messages of an inbox that are read at once to find those of one conversation."""
MOST_EXAMINED: Final = 2000
"""Messages of an inbox that are read for one answer to find those of one conversation."""

_KEPT: Final = re.compile(r"(\d{1,16}) (\d{1,16}) (.*)", re.DOTALL)


class Peer(NamedTuple):
    """The other person of a direct message, as the owner of an inbox sees them.

    - ``tag``: their person tag;
    - ``nick``: their nickname now;
    - ``incoming``: whether the message is from them.
    """

    tag: str
    nick: str
    incoming: bool


class KeptConversation(NamedTuple):
    """What an inbox keeps of the messages with one person.

    - ``tag``, ``nick``: whose they are; the nickname is that of the last message;
    - ``last_seq``: the last message;
    - ``incoming``: how many messages came from them.
    """

    tag: str
    nick: str
    last_seq: int
    incoming: int


class ConversationPage(NamedTuple):
    """Some messages of one conversation, the oldest first.

    ``before`` is where to read on for older ones; None if there are none. A page without messages
    may have older ones, too.
    """

    messages: list[bytes]
    before: int | None

    @property
    def more(self) -> bool:
        """Whether there may be older messages."""
        return self.before is not None


def read_conversation(tag: bytes, kept: bytes) -> KeptConversation | None:
    """Return a conversation as it is kept in Redis; None if another program wrote it."""
    found = _KEPT.fullmatch(kept.decode("utf-8", "replace"))
    if found is None:
        return None
    last_seq, incoming, nick = found.groups()
    return KeptConversation(tag.decode("utf-8", "replace"), nick, int(last_seq), int(incoming))


def with_person(messages: Iterable[bytes], tag: str) -> list[bytes]:
    """Return the messages with one person, from them and to them, as they are logged."""
    field = person_field(tag)
    return [message for message in messages if field in message]


def from_person(messages: Iterable[bytes], tag: str) -> list[bytes]:
    """Return the messages from one person, as they are logged in another one's inbox."""
    own = OWN_FIELD + person_field(tag)
    return [message for message in with_person(messages, tag) if own not in message]
