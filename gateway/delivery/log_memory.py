"""Remembers the last delivered messages of a log, to find out later what it has lost. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from gateway.backplane.payloads import identity, message_seq

REMEMBERED: Final = 50
"""Messages of each log that are remembered."""
NONE_REMEMBERED: Final = 1 << 62
"""Higher than any ``seq``."""


class LogMemory:
    """The last messages delivered from a log, without a hole between them.

    With ``shorten``, what it returns is kept in the place of each message: for logs of which only
    the identities are needed, since a node has very many of them.
    """

    __slots__ = ("_messages", "_shorten")

    def __init__(self, shorten: Callable[[bytes], bytes] | None = None) -> None:
        self._messages: list[bytes] = []
        self._shorten = shorten

    @property
    def first(self) -> int:
        """The ``seq`` of the first one; `NONE_REMEMBERED` if there is none."""
        return message_seq(self._messages[0]) if self._messages else NONE_REMEMBERED

    @property
    def all(self) -> list[bytes]:
        """All of them, in order."""
        return list(self._messages)

    def extend(self, messages: Sequence[bytes]) -> None:
        """Add messages that were delivered next, in order and without a hole."""
        self._messages += map(self._shorten, messages) if self._shorten else messages
        del self._messages[:-REMEMBERED]

    def cut(self, last: int) -> None:
        """Forget the messages after ``last``."""
        while self._messages and message_seq(self._messages[-1]) > last:
            self._messages.pop()

    def replace(self, messages: Sequence[bytes]) -> None:
        """Remember these messages instead, at most `REMEMBERED`."""
        self._messages = list(messages)

    def identities(self) -> dict[int, bytes]:
        """Return the identity of each message, by ``seq``: what tells it from others there."""
        return {message_seq(message): identity(message) for message in self._messages}

    def identity_at(self, seq: int) -> bytes | None:
        """Return the identity of one message; None if it is not remembered."""
        index = seq - self.first
        return identity(self._messages[index]) if 0 <= index < len(self._messages) else None
