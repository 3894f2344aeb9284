"""When rooms are counted, with a clock that tests set; there is no Redis."""

from __future__ import annotations

from typing import Any

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.backplane import Unavailable
from gateway.delivery.room_counts import COUNT_SECONDS, RoomCounts


class Counting:
    """A backplane that is asked to count, and may be away."""

    def __init__(self) -> None:
        self.link = self.rooms = self
        self.away = False
        self.counted: list[set[str]] = []

    async def wait_connected(self) -> None:
        await trio.lowlevel.checkpoint()

    async def count(self, *rooms: str) -> None:
        await trio.lowlevel.checkpoint()
        if self.away:
            raise Unavailable
        self.counted.append(set(rooms))


async def test_changes_are_counted_together_and_none_is_forgotten(mock_clock: MockClock) -> None:
    backplane: Any = Counting()
    listing = RoomCounts(backplane)

    async def pass_time() -> None:
        await wait_all_tasks_blocked()
        mock_clock.jump(COUNT_SECONDS)
        await wait_all_tasks_blocked()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(listing.run)
        await pass_time()
        for room in ("one", "two", "one"):
            listing.changed([room])
        await pass_time()
        assert backplane.counted == [{"one", "two"}]
        backplane.away = True
        listing.changed(["three"])
        await pass_time()
        backplane.away = False
        listing.changed(["four"])
        await pass_time()
        await pass_time()
        assert backplane.counted == [{"one", "two"}, {"three", "four"}]
        nursery.cancel_scope.cancel()
