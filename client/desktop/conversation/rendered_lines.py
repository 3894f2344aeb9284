"""What of a conversation is drawn in a text, and where."""

from __future__ import annotations

import re
import tkinter as tk
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from client.model import Entry, Said


@dataclass
class Drawn:
    """An entry that is drawn, and how many rows it takes up, not counting wrapping."""

    entry: Entry
    rows: int

    @property
    def in_band(self) -> bool:
        """Whether it mentions the person, and so has a band behind it."""
        return isinstance(self.entry.line, Said) and self.entry.line.mention


class DrawnLines(deque[Drawn]):
    """What is drawn, from the first row of the text on."""

    def find(self, entry: Entry | None) -> Drawn | None:
        """Give an entry as it is drawn; None if it is not."""
        return next((drawn for drawn in self if drawn.entry is entry), None)

    def row_of(self, entry: Entry | None) -> int | None:
        """Give the row where an entry begins; None if it is not drawn."""
        return next((row for row, drawn in self.between(1) if drawn.entry is entry), None)

    def entry_at(self, row: int) -> Entry | None:
        """Give the entry in a row; None if there is none."""
        return next((drawn.entry for _, drawn in self.between(row, row)), None)

    def between(self, first: int, last: int | None = None) -> Iterator[tuple[int, Drawn]]:
        """Give what is drawn in these rows, each with the row where it begins."""
        row = 1
        for drawn in self:
            if last is not None and row > last:
                return
            if row + drawn.rows > first:
                yield row, drawn
            row += drawn.rows


class FoundMarks:
    """Marks what was searched for: where it is in sight, however much there is of it."""

    def __init__(self, text: tk.Text, drawn: DrawnLines) -> None:
        self._text, self._drawn = text, drawn
        self._found: Collection[Entry] = ()
        self._words = ""
        self._current: Entry | None = None
        self._is_due = False

    def mark(self, found: Collection[Entry], words: str, current: Entry | None) -> None:
        """Mark these words in these entries, of which the ``current`` one stands out."""
        for tag in ("found", "current"):
            self._text.tag_remove(tag, "1.0", "end")
        self._found, self._words, self._current = frozenset(found), words, current
        self._draw()

    def draw_soon(self) -> None:
        """Mark what has come into sight, once the text shows it."""
        if self._found and not self._is_due:
            self._is_due = True
            self._text.after_idle(self._draw)

    def _draw(self) -> None:
        self._is_due = False
        if not self._found:
            return
        rows = [self._text.index(f"@0,{y}") for y in (0, self._text.winfo_height())]
        first, last = (int(row.split(".")[0]) for row in rows)
        for row, drawn in self._drawn.between(first, last):
            if drawn.entry in self._found:
                tag = "current" if drawn.entry is self._current else "found"
                self._mark_words(row, drawn.rows, tag)

    def _mark_words(self, row: int, rows: int, tag: str) -> None:
        """Mark the words in some rows; not with Tk's own search, which hangs behind some emoji."""
        start = f"{row}.0"
        text = self._text.get(start, f"{row + rows}.0")
        for found in re.finditer(re.escape(self._words), text, re.IGNORECASE):
            first, last = (f"{start} + {place} chars" for place in found.span())
            self._text.tag_add(tag, first, last)
