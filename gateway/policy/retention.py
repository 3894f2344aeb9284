"""How much of the messages of rooms and people is kept, and for how long. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from gateway.policy import room_names

DAY: Final = 86_400.0
_HOUR: Final = 3600.0


@dataclass(frozen=True, kw_only=True)
class Retention:
    """What is kept of each log.

    - ``messages``: messages that a room's log keeps, at least, if they fit into ``log_bytes``
    - ``log_bytes``: bytes of messages that the log of a room or a guest's inbox keeps, about
    - ``account_messages``, ``account_log_bytes``: the same of an account's inbox
    - ``registered``: keys of the rooms that the operator has registered
    - ``registered_seconds``: how long such a room is kept after its last member has left
    - ``other_seconds``: the same for all other rooms
    """

    messages: int = 1000
    log_bytes: int = 1024 * 1024
    account_messages: int = 10_000
    account_log_bytes: int = 4 * 1024 * 1024
    registered: frozenset[str] = frozenset()
    registered_seconds: float = 7 * DAY
    other_seconds: float = DAY

    @classmethod
    def of(
        cls,
        *,
        messages: int,
        log_bytes: int,
        account_messages: int,
        account_log_bytes: int,
        registered: Iterable[str],
        days: float,
        hours: float,
    ) -> Retention:
        """Return the retention of these settings; ``registered`` are names of rooms.

        No other room is kept for longer than those that are registered.
        """
        return cls(
            messages=messages,
            log_bytes=log_bytes,
            account_messages=account_messages,
            account_log_bytes=account_log_bytes,
            registered=frozenset(map(room_names.key, registered)),
            registered_seconds=days * DAY,
            other_seconds=min(days * DAY, hours * _HOUR),
        )

    def seconds(self, room: str) -> float:
        """Return how long a room is kept after its last member has left, given its key."""
        return self.registered_seconds if room in self.registered else self.other_seconds

    def with_registered(self, names: Iterable[str]) -> Retention:
        """Return this with other rooms registered."""
        return replace(self, registered=frozenset(map(room_names.key, names)))
