"""Sends the members of each room the changes among them, at bounded intervals."""

from __future__ import annotations

import math
from typing import Final

import trio

from gateway.delivery.room import Room
from gateway.delivery.room_counts import RoomCounts

PRESENCE_INTERVAL: Final = 0.25
"""Seconds between two ``presence`` frames of a room, at least."""
PRESENCE_PER_MEMBER: Final = 0.0005
"""Seconds between them for each member on this node.

While very many people join at once, a room then sends at most 2,000 such frames a second.
"""
LONGEST_PRESENCE_INTERVAL: Final = 5.0
"""Seconds."""
LONGEST_STEP_INTERVAL: Final = 1.0
"""Seconds between the frames of a change that is too long for one, at most."""


class PresenceBatcher:
    """The rooms with changes of members that were not sent to clients yet."""

    def __init__(self, listing: RoomCounts) -> None:
        self._listing = listing
        self._changed: dict[Room, None] = {}
        self._something_changed = trio.Event()
        self._due: dict[Room, float] = {}

    def changed(self, room: Room) -> None:
        """Record that a room has changes to send."""
        if room not in self._changed:
            self._changed[room] = None
            self._something_changed.set()

    def forget(self, room: Room) -> None:
        """Forget a room that is closed."""
        self._changed.pop(room, None)
        self._due.pop(room, None)

    async def run(self) -> None:
        """Send rooms their changes, the first at once, others at intervals; never returns."""
        while True:
            now = trio.current_time()
            for room in [r for r in self._changed if self._due.get(r, -math.inf) <= now]:
                if room not in self._changed:
                    continue  # it was closed while another one was being told
                del self._changed[room]
                self._listing.changed([room.key])
                presence = room.roster.flush(room.name)
                if presence is not None:
                    is_whole = not room.roster.changed
                    if not is_whole:
                        self._changed[room] = None
                    room.announce(presence)
                    await room.deliver()
                    self._due[room] = now + _interval(room, is_whole=is_whole)
            self._due = {room: due for room, due in self._due.items() if due > now}
            next_due = min((self._due.get(r, now) for r in self._changed), default=math.inf)
            with trio.move_on_at(next_due):
                self._something_changed = trio.Event()
                await self._something_changed.wait()


def _interval(room: Room, *, is_whole: bool) -> float:
    """Return the seconds until the next frame, after one that told all changes or some of them."""
    wanted = max(PRESENCE_INTERVAL, room.size * PRESENCE_PER_MEMBER)
    return min(wanted, LONGEST_PRESENCE_INTERVAL if is_whole else LONGEST_STEP_INTERVAL)
