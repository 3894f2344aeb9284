"""The history of what was sent from the input field: Up goes back in it, Down forward."""

from __future__ import annotations

from collections import deque
from typing import Final

_MOST_KEPT: Final = 100


class InputHistory:
    """The texts sent from one conversation, oldest first, and how far back the person has gone."""

    def __init__(self) -> None:
        self._sent: deque[str] = deque(maxlen=_MOST_KEPT)
        self._back = 0

    def remember(self, text: str) -> None:
        """Add a text that was sent, and go back to the newest one."""
        if not self._sent or self._sent[-1] != text:
            self._sent.append(text)
        self._back = 0

    def forget(self, text: str) -> None:
        """Remove a text wherever it occurs."""
        kept = [sent for sent in self._sent if sent != text]
        if len(kept) < len(self._sent):
            self._sent.clear()
            self._sent.extend(kept)
            self._back = 0

    def step(self, by: int, typed: str) -> str | None:
        """Return the text that is ``by`` steps further back, or forward if ``by`` is negative.

        ``typed`` is what the field contains. None if there is no such text, or if the field
        contains something new, which must not be lost.
        """
        if typed != self._at(self._back):
            self._back = 0
        wanted = self._back + by
        if typed != self._at(self._back) or not 0 <= wanted <= len(self._sent):
            return None
        self._back = wanted
        return self._at(wanted)

    def _at(self, back: int) -> str:
        return self._sent[-back] if back else ""
