"""Bounds how often something is logged that may happen for every connection. Pure."""

from __future__ import annotations


class Occasion:
    """Something that is to be logged at most once in ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next: float | None = None

    def is_due(self, now: float) -> bool:
        """Return whether it is to be logged at ``now``; then it is not again for a while."""
        if self._next is not None and now < self._next:
            return False
        self._next = now + self._seconds
        return True
