"""What was said earlier, to be said again or mended: Up goes back in it, Down towards now."""

from __future__ import annotations

from collections import deque
from typing import Final

_MOST_KEPT: Final = 100


class Recall:
    """What was typed in one conversation, and how far back the person has gone in it."""

    def __init__(self) -> None:
        self._typed: deque[str] = deque(maxlen=_MOST_KEPT)
        self._back = 0

    def remember(self, text: str) -> None:
        """Take what was typed and sent."""
        if not self._typed or self._typed[-1] != text:
            self._typed.append(text)
        self._back = 0

    def forget(self, text: str) -> None:
        """Forget what was typed and sent, wherever it is among the rest."""
        kept = [typed for typed in self._typed if typed != text]
        if len(kept) < len(self._typed):
            self._typed.clear()
            self._typed.extend(kept)
            self._back = 0

    def step(self, by: int, typed: str) -> str | None:
        """Give what was said that much earlier, or later with less than nothing.

        None if there is no such, or if something new is being typed, which is not to be lost.
        """
        if typed != self._at(self._back):
            self._back = 0
        wanted = self._back + by
        if typed != self._at(self._back) or not 0 <= wanted <= len(self._typed):
            return None
        self._back = wanted
        return self._at(wanted)

    def _at(self, back: int) -> str:
        return self._typed[-back] if back else ""
