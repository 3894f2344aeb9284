"""The list of rooms, read from Redis at most once a second, however many clients ask for it."""

from __future__ import annotations

import math
from typing import Final

import msgspec
import trio

from gateway.backplane import Unavailable
from gateway.backplane.rooms import RoomStore
from gateway.wire import LOBBY, RoomInfo

MOST_LISTED: Final = 500
"""The most rooms that are listed."""
FRESH_SECONDS: Final = 1.0
"""Seconds for which a list that was read is given to everybody."""

_encode = msgspec.json.Encoder().encode


class RoomDirectory:
    """The rooms that exist, with their numbers of members."""

    def __init__(self, rooms: RoomStore) -> None:
        self._rooms = rooms
        self._reading = trio.Lock()
        self._read_at = self._failed_at = -math.inf
        self._found: list[tuple[str, int]] = []
        self._encoded: dict[int, bytes] = {}
        """The list as JSON, by how long it may be."""

    async def encoded(self, most_bytes: int) -> bytes:
        """Return the rooms as a JSON array of `wire.RoomInfo`, the fullest first.

        - Without room for all, the fullest are listed, and the lobby in any case.
        - It was true within the last second.

        :raises Unavailable: if Redis does not answer.
        """
        asked_at = trio.current_time()
        async with self._reading:  # those who ask meanwhile get what comes of it
            if self._failed_at >= asked_at:
                raise Unavailable("the list of rooms cannot be read")
            if trio.current_time() - self._read_at >= FRESH_SECONDS:
                await self._read()
        found = self._encoded.get(most_bytes)
        if found is None:
            found = self._encoded[most_bytes] = _fullest_within(self._found, most_bytes)
        return found

    async def _read(self) -> None:
        began = trio.current_time()
        try:
            self._found = await self._rooms.listing(MOST_LISTED, LOBBY)
        except Unavailable:
            self._failed_at = trio.current_time()
            raise
        self._encoded.clear()
        self._read_at = began


def _fullest_within(found: list[tuple[str, int]], most_bytes: int) -> bytes:
    """Return the first rooms that together have at most so many bytes; the lobby in any case."""
    rooms: list[tuple[int, str, bytes]] = []
    for name, count in sorted(found, key=lambda one: one[0] != LOBBY):
        entry = _encode(RoomInfo(room=name, members=count))
        most_bytes -= len(entry) + len(b",")
        if most_bytes < 0:
            break
        rooms.append((-count, name, entry))
    return b"[" + b",".join(entry for _, _, entry in sorted(rooms)) + b"]"
