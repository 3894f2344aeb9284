"""The list of rooms: read once a second, however many ask; there is no Redis."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.backplane import Unavailable
from gateway.delivery.room_directory import FRESH_SECONDS, RoomDirectory

PLENTY = 1 << 20


class Listing:
    """Rooms in a Redis that answers when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.found = [("lobby", 0)]
        self.away = False
        self.answer = trio.Event()
        self.answer.set()

    async def listing(self, most: int, *always: str) -> list[tuple[str, int]]:
        assert (most, always) == (500, ("lobby",))
        self.asked += 1
        await self.answer.wait()
        if self.away:
            raise Unavailable("away")
        return self.found


def directory(listing: Listing) -> RoomDirectory:
    rooms: Any = listing
    return RoomDirectory(rooms)


async def test_it_is_read_once_a_second_however_many_ask(mock_clock: MockClock) -> None:
    listing = Listing()
    rooms = directory(listing)
    for second in range(3):
        listing.found = [("lobby", second)]
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(rooms.encoded, PLENTY)
        expected = [{"room": "lobby", "members": second}]
        assert json.loads(await rooms.encoded(PLENTY)) == expected
        mock_clock.jump(FRESH_SECONDS)
    assert listing.asked == 3


async def test_who_waits_for_a_redis_that_is_away_is_told_with_the_first(
    mock_clock: MockClock,
) -> None:
    del mock_clock
    listing = Listing()
    rooms = directory(listing)
    listing.answer = trio.Event()
    failed = 0

    async def ask() -> None:
        nonlocal failed
        with pytest.raises(Unavailable):
            await rooms.encoded(PLENTY)
        failed += 1

    async with trio.open_nursery() as nursery:
        for _ in range(100):
            nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        listing.away = True
        listing.answer.set()
    assert (failed, listing.asked) == (100, 1)


async def test_without_place_for_all_the_fullest_are_listed_and_the_lobby() -> None:
    listing = Listing()
    listing.found = [("full", 9), ("second", 2), ("third", 1), ("lobby", 0)]
    rooms = directory(listing)
    names = [
        [room["room"] for room in json.loads(await rooms.encoded(most))]
        for most in (PLENTY, 100, 35)
    ]
    assert names == [
        ["full", "second", "third", "lobby"], ["full", "second", "lobby"], ["lobby"],
    ]  # fmt: skip
