"""How many are in each room, as Redis is told it, so that the fullest can be found among very many.

Whoever joins or leaves waits for none of it: rooms in which something changed are counted together.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import trio

from gateway.backplane import Backplane, Unavailable

COUNT_SECONDS: Final = 2.0
"""For how long changes gather before their rooms are counted."""


class RoomCounts:
    """The rooms that this node has to count; each that has members is counted by their nodes."""

    def __init__(self, backplane: Backplane) -> None:
        self._backplane = backplane
        self._changed: dict[str, None] = {}
        self._something_changed = trio.Event()

    def changed(self, rooms: Iterable[str]) -> None:
        """Have these rooms counted again."""
        self._changed.update(dict.fromkeys(rooms))
        if self._changed:
            self._something_changed.set()

    async def run(self) -> None:
        """Count rooms as they change; runs for as long as the node does."""
        while True:
            await self._something_changed.wait()
            await trio.sleep(COUNT_SECONDS)
            await self._backplane.wait_connected()
            rooms, self._changed = self._changed, {}
            self._something_changed = trio.Event()
            try:
                await self._backplane.rooms.count(*rooms)
            except Unavailable:
                self.changed(rooms)
