"""Whether everything was heard, once and in order: counted by client and by room. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


class SequenceChecker:
    """Checks what one client hears of each room: every ``seq`` must be one above the last."""

    __slots__ = ("_last", "duplicated", "lost", "reordered")

    def __init__(self) -> None:
        self._last: dict[bytes, int] = {}
        self.lost = self.duplicated = self.reordered = 0

    def add(self, room: bytes, seq: int) -> None:
        """Count a message as heard."""
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
    """What one generator saw of a room.

    ``sent`` and ``acked`` count messages; ``heard`` counts clients by how many they heard.
    """

    sent: int = 0
    acked: int = 0
    heard: Counter[int] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """Return the counts for `settle`, in another process."""
        return {"sent": self.sent, "acked": self.acked, "heard": list(self.heard.items())}


def settle(parts: list[dict[str, dict[str, Any]]]) -> dict[str, int]:
    """Return how many deliveries were ``expected``, ``lost`` and ``duplicated`` in all.

    ``parts`` are every generator's tallies, by room.

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
