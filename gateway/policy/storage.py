"""What is refused while Redis runs out of memory: what is least needed first. Pure."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Shortage(IntEnum):
    """How short Redis is of memory; each degree refuses what those before it do, too."""

    NONE = 0
    NO_NEW_ROOMS = 1
    """Rooms that do not exist are not made."""
    NO_NEWCOMERS = 2
    """New sessions do not begin; those that exist are resumed."""
    REGISTERED_ONLY = 3
    """Direct messages, and messages in rooms that are not registered, are not stored."""


FROM: Final = {
    Shortage.NO_NEW_ROOMS: 0.80,
    Shortage.NO_NEWCOMERS: 0.90,
    Shortage.REGISTERED_ONLY: 0.95,
}
"""The part of Redis's ``maxmemory`` from which each degree holds."""
MARGIN: Final = 0.02
"""A degree ends when this much less is used, so that none begins and ends again and again."""

REFUSED: Final = {
    Shortage.NO_NEW_ROOMS: "new rooms",
    Shortage.NO_NEWCOMERS: "new rooms and newcomers",
    Shortage.REGISTERED_ONLY: "new rooms, newcomers, direct messages, and messages in rooms that "
    "are not registered",
}
"""What is refused at each degree, in words for the operator."""


def shortage(used: float, before: Shortage) -> Shortage:
    """Return how short Redis is of memory.

    ``used`` is the part of its ``maxmemory`` that is used; ``before`` is the last answer.
    """
    return max(
        (
            degree
            for degree, begins in FROM.items()
            if used >= begins - (MARGIN if degree <= before else 0.0)
        ),
        default=Shortage.NONE,
    )
