"""The lines of a conversation, in order; lines are added and removed at the two ends only."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from client.model.lines import DateLine, Line, MembershipLine, MessageLine, day_of
from client.text.words import fold

MOST_LINES: Final = 5_000
"""How many lines of a conversation are kept; older ones are dropped, and loaded on demand."""
GROUP_MILLISECONDS: Final = 5 * 60_000
"""How long after a message the next one of the same sender is shown without a head."""


@dataclass(eq=False)
class Entry:
    """A line and its place in the conversation.

    - ``continued``: whether the message goes on from the one above, and is shown without a head;
    - ``gone``: whether it was dropped or replaced, for those who have drawn it.
    """

    line: Line
    continued: bool = False
    gone: bool = False


class Transcript:
    """The newest `MOST_LINES` lines.

    ``changes`` grows with every change, ``erasures`` with those of lines that stay in their place.
    """

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque()
        self.changes = self.erasures = 0

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
            folded = self.entries.pop()
            folded.gone = True
            if not line.text:
                return folded  # in the end nothing has changed
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
            self.entries.popleft().gone = True
            following = self.entries[0] if self.entries else None
        if following is not None:
            self.entries.popleft().gone = True
            earlier.append(following.line)
        built: list[Entry] = []
        before: Line | None = None
        for line in earlier:
            if before is None or day_of(before.at) != day_of(line.at):
                built.append(Entry(DateLine(line.at, day_of(line.at))))
            built.append(Entry(line, _continues(before, line)))
            before = line
        self.entries.extendleft(reversed(built))

    def drop_oldest(self, most: int = MOST_LINES) -> bool:
        """Keep only the ``most`` newest entries; return whether there were more."""
        dropped = len(self.entries) > most
        while len(self.entries) > most:
            self.entries.popleft().gone = True
            self.changes += 1
        return dropped

    def erase(self, is_erased: Callable[[MessageLine], bool]) -> list[MessageLine]:
        """Erase the text of messages, which keep their places; return them as they were."""
        erased: list[MessageLine] = []
        for entry in self.entries:
            line = entry.line
            if isinstance(line, MessageLine) and not line.erased and is_erased(line):
                erased.append(line)
                entry.line = line.without_text()
        if erased:
            self.changes += 1
            self.erasures += 1
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
