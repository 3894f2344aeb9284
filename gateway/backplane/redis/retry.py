"""Pauses before a command that failed is tried again. Pure."""

from __future__ import annotations

from typing import Final

from gateway.backplane.redis.errors import Unavailable

RETRY_SECONDS: Final = 0.25
"""The pause after a failure that may pass, and after the first refusal."""
LONGEST_RETRY_SECONDS: Final = 30.0
"""The longest pause after refusals in a row."""


class Retry:
    """The pauses between the attempts at one thing."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = RETRY_SECONDS

    def pause(self, error: Unavailable) -> float:
        """Return the seconds to wait; they double with each refusal in a row, up to a bound."""
        if error.passes:
            self._next = RETRY_SECONDS
            return RETRY_SECONDS
        pause, self._next = self._next, min(2 * self._next, LONGEST_RETRY_SECONDS)
        return pause

    def succeeded(self) -> None:
        """Record a success: the next pause is the shortest."""
        self._next = RETRY_SECONDS
