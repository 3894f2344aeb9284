"""Members are told of changes room by room, whatever becomes of the rooms meanwhile."""

from __future__ import annotations

from typing import cast

import trio
from trio.testing import wait_all_tasks_blocked

from gateway.backplane import Backplane, Change
from gateway.backplane.timeline import UNKNOWN
from gateway.delivery.presence import PresenceBatcher
from gateway.delivery.room import SLICE, Room
from gateway.delivery.room_counts import RoomCounts
from gateway.net.write_buffer import WriteBuffer
from gateway.observability.metrics import Counts


class Ear:
    """Stands for a write buffer; counts what is written, and may do something then."""

    def __init__(self) -> None:
        self.writes = 0
        self.waiting = 0

    def write(self, data: bytes) -> None:
        self.writes += bool(data)


def room_of(name: str, members: int) -> tuple[Room, Ear]:
    """A room with so many members here, somebody of whom has just come; and one who hears that."""
    room, ear = Room(name, name.encode(), Counts(), 1 << 20), Ear()
    room.log.start("one", 0, UNKNOWN)
    room.roster.replace(1, {"0": "Zoe"})
    room.roster.apply(Change(2, {"new": "Newcomer"}))
    for number in range(members):
        room.add(str(number), cast("WriteBuffer", ear if number == 0 else Ear()))
    return room, ear


async def test_a_room_that_is_closed_while_another_is_told_ends_nothing() -> None:
    batcher = PresenceBatcher(RoomCounts(cast("Backplane", None)))
    large, _ = room_of("large", 3 * SLICE)
    closed, unheard = room_of("closed", 1)
    last, heard = room_of("last", 1)
    for room in (large, closed, last):
        batcher.changed(room)

    async def close() -> None:
        await trio.lowlevel.checkpoint()  # the large room takes several rounds
        batcher.forget(closed)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(batcher.run)
        nursery.start_soon(close)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert (unheard.writes, heard.writes) == (0, 1)
