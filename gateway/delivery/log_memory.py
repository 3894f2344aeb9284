"""The last messages of a log that were given out, to find out later what the log has lost. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from itertools import islice
from typing import Final, Protocol

from gateway.backplane.payloads import identity, message_seq

REMEMBERED: Final = 50
"""Messages of each log that are remembered."""


class LogMemory(Protocol):
    """What is remembered of a log: its last messages, without a hole between them."""

    @property
    def first(self) -> int:
        """The ``seq`` of the first one remembered; beyond every other if there is none."""

    def extend(self, messages: Sequence[bytes]) -> None:
        """Add messages that were given out, in order and without a hole behind the last one."""

    def cut(self, last: int) -> None:
        """Forget the messages behind ``last``."""

    def identities(self) -> Mapping[int, Hashable]:
        """Return what tells each message from others that may take its place, by ``seq``."""

    def identity_at(self, seq: int) -> Hashable | None:
        """Return the same for one of them; None if it is not remembered."""

    def identify(self, message: bytes) -> Hashable:
        """Return the same for any message."""


NONE_REMEMBERED: Final = 1 << 62


class RecentMessages:
    """A room's last messages themselves: whoever joins is answered with them."""

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
        """Add messages that were given out next, in order."""
        self._messages.extend(messages)

    def cut(self, last: int) -> None:
        """Forget those behind ``last``."""
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
    """The fingerprints of an inbox's last messages: a node has many inboxes, and needs no more."""

    __slots__ = ("_fingerprints",)

    def __init__(self) -> None:
        self._fingerprints: dict[int, int] = {}

    @property
    def first(self) -> int:
        """The ``seq`` of the first one."""
        return next(iter(self._fingerprints), NONE_REMEMBERED)

    def extend(self, messages: Sequence[bytes]) -> None:
        """Add messages that were given out next, in order."""
        known = self._fingerprints
        for message in messages:
            known[message_seq(message)] = hash(identity(message))
            if len(known) > REMEMBERED:
                del known[next(iter(known))]

    def cut(self, last: int) -> None:
        """Forget those behind ``last``."""
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
