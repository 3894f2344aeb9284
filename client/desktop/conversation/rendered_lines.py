"""Which entries of a conversation are in the text, and in which rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from client.model import Entry, MessageLine


@dataclass
class RenderedLine:
    """An entry in the text.

    ``rows`` is the number of rows it takes up, not counting wrapping, with that of the mark of what
    is unread if it ``has_mark`` above it.
    """

    entry: Entry
    rows: int
    has_mark: bool = False

    @property
    def in_band(self) -> bool:
        """Whether it mentions the person, and so has a band behind it."""
        return isinstance(self.entry.line, MessageLine) and self.entry.line.mention


class RenderedLines(deque[RenderedLine]):
    """The entries in the text, from its first row on. Rows are counted from 1."""

    def find(self, entry: Entry | None) -> tuple[int, RenderedLine] | None:
        """Return the first row of an entry, and how it is rendered; None if it is not."""
        return next((found for found in self.between(1) if found[1].entry is entry), None)

    def entry_at(self, row: int) -> Entry | None:
        """Return the entry in a row; None if there is none."""
        return next((line.entry for _, line in self.between(row, row)), None)

    def between(self, first: int, last: int | None = None) -> Iterator[tuple[int, RenderedLine]]:
        """Yield what is in these rows, each with its own first row."""
        row = 1
        for line in self:
            if last is not None and row > last:
                return
            if row + line.rows > first:
                yield row, line
            row += line.rows
