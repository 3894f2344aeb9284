"""When somebody counts as idle, by a clock that the test turns."""

from __future__ import annotations

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from client.desktop.control.idleness import Idleness


async def test_ten_minutes_of_nothing_are_idle_until_something_is_done(
    mock_clock: MockClock,
) -> None:
    told: list[str] = []
    idleness = Idleness(lambda: told.append("idle"), lambda: told.append("back"))

    async def pass_seconds(seconds: float) -> None:
        await wait_all_tasks_blocked()
        mock_clock.jump(seconds)
        await wait_all_tasks_blocked()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(idleness.watch)
        await pass_seconds(599)
        idleness.note_activity()
        await pass_seconds(599)
        assert told == [], "each activity starts the time anew"
        await pass_seconds(1)
        assert told == ["idle"]
        await pass_seconds(3600)
        assert told == ["idle"], "which is told once"
        idleness.note_activity()
        await pass_seconds(0)
        assert told == ["idle", "back"]
        await pass_seconds(600)
        assert told == ["idle", "back", "idle"]
        nursery.cancel_scope.cancel()
