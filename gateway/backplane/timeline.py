"""Timelines: under which replication ids of Redis a log was written. Pure.

Redis may return to older data: it is restarted from a backup, or fails over to a replica that
lacks the newest writes. Then its replication id changes, and the scripts that append to a log
record at which ``seq``. So a node that remembers a position can find up to where the log is still
the one that it read, however much was written since; compare PostgreSQL's timeline history.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_ENTRY: Final = re.compile(r"([0-9a-f]{1,64}):([0-9]{1,16})")


class Timeline(NamedTuple):
    """The timeline of one log.

    - ``ended``: former replication ids, the oldest first, each with the last ``seq`` written under
      it;
    - ``current``: the id of the server that was read; empty if unknown.
    """

    ended: tuple[tuple[str, int], ...]
    current: str

    @classmethod
    def read(cls, ended: bytes, written_under: bytes, *, server: str, seq: int) -> Timeline:
        """Return the timeline of a log whose last message is ``seq``, from its stored fields.

        ``server`` is the replication id of the server that was read. Entries that cannot be parsed
        are skipped.
        """
        entries = [
            (name, int(end)) for name, end in _ENTRY.findall(ended.decode("ascii", "replace"))
        ]
        last = written_under.decode("ascii", "replace")
        if last and last != server:
            entries.append((last, seq))
        return cls(tuple(entries), server)

    def has(self, seq: int, written_under: str, *, at: int) -> bool:
        """Return whether a log up to ``at`` has the message written under this id as ``seq``."""
        return Timeline((), written_under).common(seq, self, at) == seq

    def common(self, position: int, log: Timeline, seq: int) -> int | None:
        """Return the ``seq`` up to which two timelines are the same; None if unknown.

        This one was followed up to ``position``; the last message of ``log`` is ``seq``.
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
                # The same server all the time: if the log is shorter now, somebody changed it.
                return None if here > there else here
            end = min(here, there)
            if here != there:
                break
        return end


UNKNOWN: Final = Timeline((), "")
"""The timeline of a log about which nothing is known."""
