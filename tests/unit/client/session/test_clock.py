"""A sleep of the machine is noticed, by clocks that the test turns."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from client.session.clock import until_jump


class TimeOfDay:
    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return 1_800_000_000.0 + trio.current_time() + self.ahead


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
async def test_a_jump_is_noticed_within_seconds(mock_clock: MockClock, jump: float) -> None:
    day, noticed = TimeOfDay(), trio.Event()

    async def watch() -> None:
        await until_jump(day)
        noticed.set()

    async def pass_seconds(seconds: float) -> None:
        await wait_all_tasks_blocked()
        mock_clock.jump(seconds)
        await wait_all_tasks_blocked()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        for _ in range(1000):
            await pass_seconds(2)
        day.ahead += 1  # a clock that is set right is none
        await pass_seconds(2)
        assert not noticed.is_set()
        day.ahead += jump
        await pass_seconds(2)
        assert noticed.is_set()


async def test_a_clock_that_did_not_sleep_with_the_machine_tells_it_too(
    mock_clock: MockClock,
) -> None:
    noticed = trio.Event()

    async def watch() -> None:
        await until_jump(TimeOfDay())
        noticed.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        await wait_all_tasks_blocked()
        mock_clock.jump(3600)  # the timer comes an hour late
        await wait_all_tasks_blocked()
        assert noticed.is_set()
