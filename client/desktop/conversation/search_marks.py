"""The marks on words that a search has found."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Collection

from client.desktop.conversation.rendered_lines import RenderedLines
from client.model import Entry
from gateway.wire.text.words import find_folded


class SearchMarks:
    """Marks the words that were found, but only those in sight, however many there are."""

    def __init__(self, text: tk.Text, rendered: RenderedLines) -> None:
        self._text, self._rendered = text, rendered
        self._found: Collection[Entry] = ()
        self._words = ""
        self._current: Entry | None = None
        self._is_due = False

    def mark(self, found: Collection[Entry], words: str, current: Entry | None) -> None:
        """Mark these words in these entries; the ``current`` one stands out."""
        for tag in ("found", "current"):
            self._text.tag_remove(tag, "1.0", "end")
        self._found, self._words, self._current = frozenset(found), words, current
        self._draw()

    def draw_soon(self) -> None:
        """Mark what has come into sight, once the text is drawn."""
        if self._found and not self._is_due:
            self._is_due = True
            self._text.after_idle(self._draw)

    def _draw(self) -> None:
        self._is_due = False
        if not self._found:
            return
        rows = [self._text.index(f"@0,{y}") for y in (0, self._text.winfo_height())]
        first, last = (int(row.split(".")[0]) for row in rows)
        for row, line in self._rendered.between(first, last):
            if line.entry in self._found:
                tag = "current" if line.entry is self._current else "found"
                self._mark_words(row, line.rows, tag)

    def _mark_words(self, row: int, rows: int, tag: str) -> None:
        """Mark the words in some rows; not by Tk's own search, which hangs behind some emoji."""
        start = f"{row}.0"
        text = self._text.get(start, f"{row + rows}.0")
        for found in find_folded(self._words, text):
            first, last = (f"{start} + {place} chars" for place in found)
            self._text.tag_add(tag, first, last)
