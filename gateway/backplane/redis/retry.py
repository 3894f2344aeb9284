"""How long to wait before something is tried again that Redis did not do. Pure."""

from __future__ import annotations

from typing import Final

from gateway.backplane.redis.errors import Unavailable

RETRY_SECONDS: Final = 0.25
"""After a failure that may have passed by then."""
LONGEST_RETRY_SECONDS: Final = 30.0
"""After a refusal that has come again and again."""


class Retry:
    """The pauses between the attempts at one thing."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = RETRY_SECONDS

    def pause(self, error: Unavailable) -> float:
        """Return the seconds to wait: after each refusal in a row twice as many, up to a bound."""
        if error.passes:
            self._next = RETRY_SECONDS
            return RETRY_SECONDS
        pause, self._next = self._next, min(2 * self._next, LONGEST_RETRY_SECONDS)
        return pause

    def succeeded(self) -> None:
        """Begin anew: it was done."""
        self._next = RETRY_SECONDS
