"""What was heard, and whether it is all of it: once each, in order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


class Sequences:
    """The order in which one client hears each room: every ``seq`` is one above the one before."""

    __slots__ = ("_last", "duplicated", "lost", "reordered")

    def __init__(self) -> None:
        self._last: dict[bytes, int] = {}
        self.lost = self.duplicated = self.reordered = 0

    def hear(self, room: bytes, seq: int) -> None:
        """Take note of a message."""
        last = self._last.get(room)
        if last is not None and seq <= last:
            if seq == last:
                self.duplicated += 1
            else:
                self.reordered += 1
            return
        if last is not None and seq > last + 1:
            self.lost += seq - last - 1
        self._last[room] = seq


@dataclass
class RoomTally:
    """A room as one generator saw it: what its clients sent, and how many each of them heard."""

    sent: int = 0
    acked: int = 0
    heard: Counter[int] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """Give it for another process."""
        return {"sent": self.sent, "acked": self.acked, "heard": list(self.heard.items())}


def settle(parts: list[dict[str, dict[str, Any]]]) -> dict[str, int]:
    """Compare what was sent with what every client heard, over all generators.

    A client that heard fewer messages than were acknowledged has lost some; one that heard more
    than were sent has heard some twice.
    """
    rooms: dict[str, RoomTally] = {}
    for part in parts:
        for name, tally in part.items():
            room = rooms.setdefault(name, RoomTally())
            room.sent += tally["sent"]
            room.acked += tally["acked"]
            room.heard.update({int(count): clients for count, clients in tally["heard"]})
    lost = duplicated = expected = 0
    for room in rooms.values():
        for count, clients in room.heard.items():
            expected += room.acked * clients
            lost += max(0, room.acked - count) * clients
            duplicated += max(0, count - room.sent) * clients
    return {"expected": expected, "lost": lost, "duplicated": duplicated}
