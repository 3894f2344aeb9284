"""Erased messages: their tombstones, and the record of which they are. Pure.

An erased message leaves a tombstone in the room's log: its own JSON with an empty text and
``"erased":true``. It keeps its ``seq``, ``at``, ``from`` and ``id``, so that there is no gap.
"""

from __future__ import annotations

from typing import Final

import msgspec

from gateway.backplane.payloads import message_seq

ERASURE_PREFIX: Final = b'{"erased":'
"""The beginning of an erasure published on a room's channel."""
MOST_RECORDED: Final = 1_000
"""Erased messages of a room that are recorded by ``seq``; older erasures are forgotten."""

# In a JSON string every quote is escaped: neither can be part of a text.
_TEXT: Final = b',"text":"'
_END: Final = b',"id":"'
_NOTHING: Final = b',"text":"","erased":true'


class ErasedSet(msgspec.Struct, frozen=True):
    """Which messages of a room are erased.

    - ``count``: the number of the room's erasures so far;
    - ``up_to``: every message up to this ``seq`` is erased;
    - ``seqs``: erased messages after ``up_to``, in the order in which they were erased.
    """

    count: int = 0
    up_to: int = 0
    seqs: list[int] = []

    def __bool__(self) -> bool:
        """Whether any message is erased."""
        return bool(self.up_to or self.seqs)


class Erasure(ErasedSet, frozen=True, kw_only=True):
    """One erasure as it is published; ``epoch`` is the room's."""

    epoch: str


class _Published(msgspec.Struct, frozen=True):
    erased: Erasure


_published_decoder = msgspec.json.Decoder(_Published)
_record_decoder = msgspec.json.Decoder(ErasedSet)


def read_erasure(payload: bytes) -> Erasure:
    """Return the erasure in a publication; :raises ValueError: if it is none."""
    return _published_decoder.decode(payload).erased


def read_record(record: bytes | None) -> ErasedSet:
    """Return the erased messages in the record that Redis has of a room."""
    return _record_decoder.decode(record) if record else ErasedSet()


def without_text(message: bytes) -> bytes:
    """Return a message's tombstone, given its JSON or the end of it; a tombstone stays the same."""
    start = message.find(_TEXT)
    end = message.find(_END, start)
    if start < 0 or end < 0:
        return message
    return message[:start] + _NOTHING + message[end:]


def is_tombstone(message: bytes) -> bool:
    """Return whether a message is a tombstone."""
    return message.find(_NOTHING + _END) >= 0


class Erasures:
    """The erased messages of one room that this node knows of."""

    __slots__ = ("_seqs", "count", "up_to")

    def __init__(self) -> None:
        self.count = 0
        """Erasures known here; Redis has more if this node has missed some."""
        self.up_to = 0
        self._seqs: dict[int, None] = {}

    def add(self, erased: ErasedSet) -> ErasedSet:
        """Add erased messages; return those that were not known before."""
        up_to = erased.up_to if erased.up_to > self.up_to else 0
        self.up_to = max(self.up_to, erased.up_to)
        news = [seq for seq in erased.seqs if seq > self.up_to and seq not in self._seqs]
        known = [seq for seq in self._seqs if seq > self.up_to]
        self._seqs = dict.fromkeys([*known, *news][-MOST_RECORDED:])
        self.count = max(self.count, erased.count)
        return ErasedSet(count=self.count, up_to=up_to, seqs=news)

    def missed_some(self, erased: ErasedSet) -> bool:
        """Return whether this node missed erasures that the record no longer has."""
        return len(erased.seqs) >= MOST_RECORDED and erased.count - self.count > MOST_RECORDED

    @property
    def seqs(self) -> list[int]:
        """The erased messages after ``up_to``, in the order in which they were erased."""
        return list(self._seqs)

    def has(self, seq: int) -> bool:
        """Return whether a message is erased."""
        return seq <= self.up_to or seq in self._seqs

    def conceal(self, messages: list[bytes]) -> list[bytes]:
        """Return these messages, with tombstones in place of the erased ones."""
        if not (self.up_to or self._seqs):
            return messages
        return [without_text(m) if self.has(message_seq(m)) else m for m in messages]
