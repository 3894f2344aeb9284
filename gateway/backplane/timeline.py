"""Under which replication ids of Redis a log was written: where two courses of it part. Pure.

Redis may go on from older data: restarted from a backup, or failed over to a replica that lacked
the newest writes. Each time it goes by another replication id. The scripts that append to a log
note where that happened, so that a node which remembers a position can tell up to where the log is
still the one that it read, however much was written since (as PostgreSQL's timeline history does).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_ENTRY: Final = re.compile(r"([0-9a-f]{1,64}):([0-9]{1,16})")


class Timeline(NamedTuple):
    """The course of one log.

    ``ended``: replication ids of the past, each with the ``seq`` of the last message written under
    it or an earlier one, the oldest first. ``current``: the id of the server that was read; empty
    if it is unknown.
    """

    ended: tuple[tuple[str, int], ...]
    current: str

    @classmethod
    def read(cls, ended: bytes, written_under: bytes, *, server: str, seq: int) -> Timeline:
        """Return the course of a log that is at ``seq``, from what its meta has of it.

        ``server`` is the replication id of the server that was read. What cannot be parsed is
        skipped.
        """
        entries = [
            (name, int(end)) for name, end in _ENTRY.findall(ended.decode("ascii", "replace"))
        ]
        last = written_under.decode("ascii", "replace")
        if last and last != server:
            entries.append((last, seq))
        return cls(tuple(entries), server)

    def has(self, seq: int, written_under: str, *, at: int) -> bool:
        """Return whether a log that is at ``at`` has what was written under an id as ``seq``."""
        return Timeline((), written_under).common(seq, self, at) == seq

    def common(self, position: int, log: Timeline, seq: int) -> int | None:
        """Return the ``seq`` up to which two courses are the same.

        This one was followed up to ``position``; ``log`` is at ``seq``. None if their entries do
        not tell.
        """
        mine = (*self.ended, (self.current, position))
        theirs = (*log.ended, (log.current, seq))
        if not self.current or not log.current:
            return None
        places = {name: index for index, (name, _) in enumerate(theirs)}
        start = next((i for i, (name, _) in enumerate(mine) if name in places), None)
        if start is None:
            return None
        end: int | None = None
        for (name, here), (other, there) in zip(
            mine[start:], theirs[places[mine[start][0]] :], strict=False
        ):
            if name != other:
                break
            if name == self.current == log.current:
                # The same server all the time: a log that is shorter now was tampered with.
                return None if here > there else here
            end = min(here, there)
            if here != there:
                break
        return end


UNKNOWN: Final = Timeline((), "")
"""The course of a log of which nothing is known."""
