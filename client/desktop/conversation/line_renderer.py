"""Writes the lines of a conversation into a text widget, and keeps them up to date."""

from __future__ import annotations

import itertools
import tkinter as tk
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from client.desktop.conversation.line_spans import (
    Span,
    draft_spans,
    entry_spans,
    head_spans,
    unread_text,
)
from client.desktop.conversation.rendered_lines import RenderedLine, RenderedLines
from client.model import Conversation, Draft, Entry, Line, MessageLine

_PAGE: Final = 200
"""How many lines are written at first, and each time that the reader comes to the first of them."""
_PAGE_CHARS: Final = 100_000
"""How many characters are as much as a page, even if they are fewer lines."""


class LineRenderer:
    """The rows of a text: the newest entries of a conversation, then its drafts.

    Text from the net goes to Tk as arguments of ``insert`` only, which Tk never evaluates.
    """

    def __init__(self, text: tk.Text) -> None:
        self._text = text
        self.rendered = RenderedLines()
        self._draft_rows = 0
        self._marked: Entry | None = None
        """The entry with the mark of what is unread above it."""

    def clear(self) -> None:
        """Delete everything."""
        self._text.delete("1.0", "end")
        self.rendered.clear()
        self._draft_rows, self._marked = 0, None

    def update(self, conversation: Conversation, drafts: Sequence[Draft], me: str) -> None:
        """Delete what is gone, add what is new, and write the drafts again below it."""
        self._delete_last(self._draft_rows)
        self._delete_gone()
        entries = conversation.transcript.entries
        last = self.rendered[-1].entry if self.rendered else None
        fresh = list(
            itertools.takewhile(lambda entry: entry is not last, reversed(entries))
            if last is not None
            else _page(reversed(entries))
        )
        fresh.reverse()
        before = list(itertools.islice(reversed(self.rendered), 1))
        row = self._last_row - sum(line.rows for line in before)
        added = self._insert("end", fresh)
        self.rendered += added
        self._space_bands([*before, *added], row)
        self._draw_unread_mark(conversation.unread_from)
        own = [draft_spans(draft) for draft in drafts]
        if own and (not entries or not _is_by(entries[-1].line, me)):
            own[0] = (*head_spans(me), *own[0])
        self._draft_rows = sum(self._insert_spans("end", own))

    def add_older(self, entries: Iterable[Entry], *, whole: bool) -> None:
        """Write a page of the entries before the first one that is written, or all of them."""
        first = self.rendered[0]
        older = list(itertools.takewhile(lambda entry: entry is not first.entry, entries))
        if not whole:
            older = list(_page(reversed(older)))[::-1]
        added = self._insert("1.0", older)
        self._space_bands([*added, first], 1)
        self.rendered.extendleft(reversed(added))

    @property
    def _last_row(self) -> int:
        """The row where the next line will be."""
        return int(self._text.index("end - 1 chars").split(".")[0])

    def _insert(self, where: str, entries: Sequence[Entry]) -> list[RenderedLine]:
        rows = self._insert_spans(where, map(entry_spans, entries))
        return list(map(RenderedLine, entries, rows))

    def _insert_spans(self, where: str, lines: Iterable[Sequence[Span]]) -> list[int]:
        """Insert lines in one go and return how many rows each takes up, not counting wrapping."""
        rows = []
        arguments: list[Any] = []
        for spans in lines:
            rows.append(1 + sum(text.count("\n") for text, _ in spans))
            for text, tags in spans:
                arguments += (text, tags)
            arguments += ("\n", spans[-1][1][:1])
        if arguments:
            self._text.insert(where, *arguments)
        return rows

    def _space_bands(self, lines: Sequence[RenderedLine], row: int) -> None:
        """Leave room above and below the bands of mentions, in ``lines`` that start at a row."""
        for one, other in itertools.pairwise(lines):
            row += one.rows
            if one.in_band and not other.in_band:
                self._text.tag_add("below-band", f"{row}.0", f"{row}.0 lineend")
            elif other.in_band and not one.in_band:
                self._text.tag_add("above-band", f"{row - 1}.0", f"{row}.0")

    def _delete_last(self, rows: int) -> None:
        if rows:
            self._text.delete(f"end - 1 chars - {rows} lines", "end - 1 chars")

    def _delete_gone(self) -> None:
        rows = 0
        while self.rendered and self.rendered[-1].entry.gone:
            rows += self.rendered.pop().rows
        self._delete_last(rows)
        rows = 0
        while self.rendered and self.rendered[0].entry.gone:
            rows += self.rendered.popleft().rows
        if rows:
            self._text.delete("1.0", f"{rows + 1}.0")

    def _draw_unread_mark(self, entry: Entry | None) -> None:
        """Draw the mark above what is unread, and only there."""
        if entry is self._marked:
            return
        if (old := self.rendered.find(self._marked)) is not None and old[1].has_mark:
            row, line = old
            self._text.delete(f"{row}.0", f"{row + 1}.0")
            line.rows, line.has_mark = line.rows - 1, False
        self._marked = entry
        if (new := self.rendered.find(entry)) is not None:
            row, line = new
            self._text.insert(f"{row}.0", f"{unread_text()}\n", ("unread",))
            line.rows, line.has_mark = line.rows + 1, True


def _page(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the first entries, until they are a page."""
    chars = 0
    for entry in itertools.islice(entries, _PAGE):
        yield entry
        chars += len(entry.line.text) if isinstance(entry.line, MessageLine) else 0
        if chars >= _PAGE_CHARS:
            return


def _is_by(line: Line, nick: str) -> bool:
    return isinstance(line, MessageLine) and line.sender == nick and not line.action
