"""Sends each room the changes among its members, at bounded intervals."""

from __future__ import annotations

import math
from typing import Final

import trio

from gateway.delivery.room import Room
from gateway.delivery.room_counts import RoomCounts

PRESENCE_INTERVAL: Final = 0.25
"""The shortest time between two ``presence`` frames of a room, in seconds."""
PRESENCE_PER_MEMBER: Final = 0.0005
"""The same for each member on this node, in seconds.

While very many people join at once, telling each other costs some 2,000 frames a second at most.
"""
LONGEST_PRESENCE_INTERVAL: Final = 5.0
"""Seconds."""


class PresenceBatcher:
    """The rooms in which members changed and clients have not been told yet."""

    def __init__(self, listing: RoomCounts) -> None:
        self._listing = listing
        self._changed: dict[Room, None] = {}
        self._something_changed = trio.Event()
        self._due: dict[Room, float] = {}

    def changed(self, room: Room) -> None:
        """Record that a room has changes to be told."""
        if room not in self._changed:
            self._changed[room] = None
            self._something_changed.set()

    def forget(self, room: Room) -> None:
        """Forget a room that nobody here is in any more."""
        self._changed.pop(room, None)
        self._due.pop(room, None)

    async def run(self) -> None:
        """Send rooms their changes, each after its interval, the first at once; never returns."""
        while True:
            now = trio.current_time()
            for room in [r for r in self._changed if self._due.get(r, -math.inf) <= now]:
                del self._changed[room]
                self._listing.changed([room.name])
                presence = room.roster.flush(room.name)
                if presence is not None:
                    room.announce(presence)
                    await room.hand_out()
                    self._due[room] = now + _interval(room)
            self._due = {room: due for room, due in self._due.items() if due > now}
            next_due = min((self._due.get(r, now) for r in self._changed), default=math.inf)
            with trio.move_on_at(next_due):
                self._something_changed = trio.Event()
                await self._something_changed.wait()


def _interval(room: Room) -> float:
    wanted = max(PRESENCE_INTERVAL, room.size * PRESENCE_PER_MEMBER)
    return min(wanted, LONGEST_PRESENCE_INTERVAL)
