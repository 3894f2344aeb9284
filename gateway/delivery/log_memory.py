"""Remembers the last delivered messages of a log, to find out later what it has lost. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from itertools import islice
from typing import Final, Protocol

from gateway.backplane.payloads import identity, message_seq

REMEMBERED: Final = 50
"""Messages of each log that are remembered."""


class LogMemory(Protocol):
    """The last messages delivered from a log, without a hole between them."""

    @property
    def first(self) -> int:
        """The ``seq`` of the first one remembered; `NONE_REMEMBERED` if there is none."""

    def extend(self, messages: Sequence[bytes]) -> None:
        """Add messages that were delivered next, in order and without a hole."""

    def cut(self, last: int) -> None:
        """Forget the messages after ``last``."""

    def identities(self) -> Mapping[int, Hashable]:
        """Return the identity of each message, by ``seq``: what tells it from others there."""

    def identity_at(self, seq: int) -> Hashable | None:
        """Return the identity of one message; None if it is not remembered."""

    def identify(self, message: bytes) -> Hashable:
        """Return the identity of any message."""


NONE_REMEMBERED: Final = 1 << 62
"""Higher than any ``seq``."""


class RecentMessages:
    """A room's last messages themselves, which the answers to joins contain."""

    __slots__ = ("_messages",)

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque(maxlen=REMEMBERED)

    @property
    def first(self) -> int:
        """The ``seq`` of the first one."""
        return message_seq(self._messages[0]) if self._messages else NONE_REMEMBERED

    @property
    def all(self) -> list[bytes]:
        """All of them, in order."""
        return list(self._messages)

    def newest(self, count: int) -> list[bytes]:
        """Return the last ``count`` of them, or as many as there are."""
        return list(islice(self._messages, max(0, len(self._messages) - count), None))

    def extend(self, messages: Sequence[bytes]) -> None:
        """Add messages that were delivered next, in order."""
        self._messages.extend(messages)

    def cut(self, last: int) -> None:
        """Forget those after ``last``."""
        while self._messages and message_seq(self._messages[-1]) > last:
            self._messages.pop()

    def replace(self, messages: Sequence[bytes]) -> None:
        """Remember these instead."""
        self._messages.clear()
        self._messages.extend(messages)

    def identities(self) -> Mapping[int, Hashable]:
        """Return the identity of each, by ``seq``."""
        return {message_seq(message): identity(message) for message in self._messages}

    def identity_at(self, seq: int) -> Hashable | None:
        """Return the identity of one of them; None if it is not remembered."""
        index = seq - self.first
        return identity(self._messages[index]) if 0 <= index < len(self._messages) else None

    def identify(self, message: bytes) -> Hashable:
        """Return a message's identity."""
        return identity(message)


class Fingerprints:
    """Hashes of an inbox's last messages: a node has many inboxes, and needs no more of them."""

    __slots__ = ("_fingerprints",)

    def __init__(self) -> None:
        self._fingerprints: dict[int, int] = {}

    @property
    def first(self) -> int:
        """The ``seq`` of the first one."""
        return next(iter(self._fingerprints), NONE_REMEMBERED)

    def extend(self, messages: Sequence[bytes]) -> None:
        """Add messages that were delivered next, in order."""
        known = self._fingerprints
        for message in messages:
            known[message_seq(message)] = hash(identity(message))
            if len(known) > REMEMBERED:
                del known[next(iter(known))]

    def cut(self, last: int) -> None:
        """Forget those after ``last``."""
        self._fingerprints = {s: known for s, known in self._fingerprints.items() if s <= last}

    def identities(self) -> Mapping[int, Hashable]:
        """Return the fingerprint of each, by ``seq``."""
        return self._fingerprints

    def identity_at(self, seq: int) -> Hashable | None:
        """Return the fingerprint of one of them; None if it is not remembered."""
        return self._fingerprints.get(seq)

    def identify(self, message: bytes) -> Hashable:
        """Return a message's fingerprint."""
        return hash(identity(message))
