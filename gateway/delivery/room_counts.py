"""Counts the members of rooms in Redis, so that the fullest rooms can be listed.

Joins and leaves do not wait for that: rooms that changed are counted together, a little later.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import trio

from gateway.backplane import Backplane, Unavailable

COUNT_SECONDS: Final = 2.0
"""Seconds for which changes are collected before their rooms are counted."""


class RoomCounts:
    """The rooms to be counted: those whose members changed."""

    def __init__(self, backplane: Backplane) -> None:
        self._backplane = backplane
        self._changed: dict[str, None] = {}
        self._something_changed = trio.Event()

    def changed(self, rooms: Iterable[str]) -> None:
        """Count these rooms again, soon."""
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
