"""The lines of a conversation, in order; lines are added and removed at the two ends only."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from client.model.lines import DateLine, Line, MembershipLine, MessageLine, day_of
from gateway.wire.text.words import fold

MOST_ROWS: Final = 5_000
"""How many rows of a conversation are kept; older ones are dropped, and loaded on demand."""
FOLDED_ROWS: Final = 20
"""How many rows of a long message are shown until the reader asks for the rest."""
_FOLDED_FROM: Final = 30
"""The rows from which on a message is folded; it is not worth it for a few rows more."""
GROUP_MILLISECONDS: Final = 5 * 60_000
"""How long after a message the next one of the same sender is shown without a head."""


@dataclass(eq=False)
class Entry:
    """A line and its place in the conversation.

    - ``continued``: whether the message goes on from the one above, and is shown without a head;
    - ``gone``: whether it was dropped or replaced, for those who have drawn it;
    - ``unfolded``: whether the reader has asked for all of it, see `folded_text`.
    """

    line: Line
    continued: bool = False
    gone: bool = False
    unfolded: bool = False

    @property
    def all_rows(self) -> int:
        """How many rows the line has, not counting wrapping."""
        return 1 + self.line.text.count("\n") if isinstance(self.line, MessageLine) else 1

    @property
    def is_folded(self) -> bool:
        """Whether only the first `FOLDED_ROWS` of it are shown."""
        return not self.unfolded and self.all_rows >= _FOLDED_FROM

    @property
    def rows(self) -> int:
        """How many rows are shown, not counting wrapping."""
        return FOLDED_ROWS + 1 if self.is_folded else self.all_rows


class Transcript:
    """The newest lines, of `MOST_ROWS` rows.

    ``changes`` grows with every change, ``rewrites`` with those of lines that stay in their place.
    """

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque()
        self.changes = self.rewrites = 0
        self._rows = 0

    def add(self, line: Line) -> Entry:
        """Add a line at the end and return its entry; membership lines in a row become one.

        If nothing is left of the merged line, the returned entry is gone.
        """
        self.changes += 1
        last = self.entries[-1].line if self.entries else None
        if last is None or day_of(last.at) != day_of(line.at):
            self._append(Entry(DateLine(line.at, day_of(line.at))))
        elif isinstance(line, MembershipLine) and isinstance(last, MembershipLine):
            line = last.then(line)
            merged = self._take_out(self.entries.pop())
            if not line.text:
                return merged  # in the end nothing has changed
            last = self.entries[-1].line if self.entries else None
        return self._append(Entry(line, _continues(last, line)))

    def prepend(self, lines: Iterable[Line]) -> None:
        """Add older lines before all others."""
        earlier = list(lines)
        if not earlier:
            return
        self.changes += 1
        following = self.entries[0] if self.entries else None
        if following is not None and isinstance(following.line, DateLine):
            self._take_out(self.entries.popleft())
            following = self.entries[0] if self.entries else None
        if following is not None:
            self._take_out(self.entries.popleft())
            earlier.append(following.line)
        built: list[Entry] = []
        before: Line | None = None
        for line in earlier:
            if before is None or day_of(before.at) != day_of(line.at):
                built.append(Entry(DateLine(line.at, day_of(line.at))))
            built.append(Entry(line, _continues(before, line)))
            before = line
        self.entries.extendleft(reversed(built))
        self._rows += sum(entry.rows for entry in built)

    def drop_oldest(self, most: int = MOST_ROWS) -> bool:
        """Keep only the newest entries, of ``most`` rows; return whether there were more.

        The newest entry is kept, however many rows it has.
        """
        dropped = False
        while self._rows > most and len(self.entries) > 1:
            self._take_out(self.entries.popleft())
            self.changes += 1
            dropped = True
        return dropped

    def unfold(self, entry: Entry) -> None:
        """Show all of a long message."""
        if entry.gone or not entry.is_folded:
            return
        self._rows += entry.all_rows - entry.rows
        entry.unfolded = True
        self.changes += 1
        self.rewrites += 1

    def erase(self, is_erased: Callable[[MessageLine], bool]) -> list[MessageLine]:
        """Erase the text of messages, which keep their places; return them as they were."""
        erased: list[MessageLine] = []
        for entry in self.entries:
            line = entry.line
            if isinstance(line, MessageLine) and not line.erased and is_erased(line):
                erased.append(line)
                self._rows -= entry.rows
                entry.line = line.without_text()
                self._rows += entry.rows
        if erased:
            self.changes += 1
            self.rewrites += 1
        return erased

    def find(self, words: str) -> list[Entry]:
        """Return the messages that contain these words, or whose sender has that name."""
        wanted = fold(words)
        return [
            entry
            for entry in self.entries
            if isinstance(entry.line, MessageLine)
            and (wanted in fold(entry.line.text) or wanted == fold(entry.line.sender))
        ]

    @property
    def oldest_seq(self) -> int | None:
        """The position of the oldest message here; None if there is none."""
        said = (entry.line for entry in self.entries)
        return next((line.seq for line in said if isinstance(line, MessageLine) and line.seq), None)

    @property
    def newest_seq(self) -> int | None:
        """The position of the newest message here; None if there is none."""
        said = (entry.line for entry in reversed(self.entries))
        return next((line.seq for line in said if isinstance(line, MessageLine) and line.seq), None)

    def _append(self, entry: Entry) -> Entry:
        self.entries.append(entry)
        self._rows += entry.rows
        return entry

    def _take_out(self, entry: Entry) -> Entry:
        """Note that an entry is no longer among the others, and return it."""
        entry.gone = True
        self._rows -= entry.rows
        return entry


def _continues(before: Line | None, line: Line) -> bool:
    return (
        isinstance(line, MessageLine)
        and isinstance(before, MessageLine)
        and line.sender == before.sender
        and not line.action
        and not before.action
        and day_of(before.at) == day_of(line.at)
        and 0 <= line.at - before.at < GROUP_MILLISECONDS
    )
