"""Timelines: under which replication ids of Redis a log was written. Pure.

Redis may go on from older data: restarted from a backup, or failed over to a replica that lacked
the newest writes. Each time, its replication id changes. The scripts that append to a log record
where that happened. So a node that remembers a position can tell up to where the log is still the
one that it read, however much was written since, as with PostgreSQL's timeline history.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_ENTRY: Final = re.compile(r"([0-9a-f]{1,64}):([0-9]{1,16})")


class Timeline(NamedTuple):
    """The timeline of one log.

    - ``ended``: former replication ids, the oldest first, each with the ``seq`` of the last message
      that was written by then;
    - ``current``: the id of the server that was read; empty if unknown.
    """

    ended: tuple[tuple[str, int], ...]
    current: str

    @classmethod
    def read(cls, ended: bytes, written_under: bytes, *, server: str, seq: int) -> Timeline:
        """Return the timeline of a log that is at ``seq``, from what is stored with the log.

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
        """Return whether a log at ``at`` has the message written under this id as ``seq``."""
        return Timeline((), written_under).common(seq, self, at) == seq

    def common(self, position: int, log: Timeline, seq: int) -> int | None:
        """Return the ``seq`` up to which two timelines are the same; None if that is unknown.

        This one was followed up to ``position``; ``log`` is at ``seq``.
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
"""The timeline of a log of which nothing is known."""
