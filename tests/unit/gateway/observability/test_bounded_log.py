"""What outsiders cause without end is logged a few times a second, and then as a number."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog
import trio
from structlog.typing import EventDict
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.observability.bounded_log import LINES_PER_SECOND, WINDOW_SECONDS, BoundedLog


@pytest.fixture
def logs() -> Iterator[list[EventDict]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


async def test_each_kind_has_its_lines_and_then_a_number(
    mock_clock: MockClock, logs: list[EventDict]
) -> None:
    bounded = BoundedLog("test")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bounded.run)
        for number in range(100):
            bounded.info("refused", "too_fast", remote=str(number))
        bounded.info("refused", "bad_nick", remote="another")
        bounded.warning("not HTTP")
        remotes = [line.get("remote") for line in logs]
        assert remotes == [*map(str, range(LINES_PER_SECOND)), "another", None]
        await wait_all_tasks_blocked()
        mock_clock.jump(WINDOW_SECONDS)
        await wait_all_tasks_blocked()
        assert logs[len(remotes) :] == [
            {
                "event": "more of the same", "log_level": "warning", "of": "refused",
                "kind": "too_fast", "lines": 100 - LINES_PER_SECOND,
            }
        ]  # fmt: skip
        bounded.info("refused", "too_fast", remote="the next second")
        assert logs[-1]["remote"] == "the next second"
        await wait_all_tasks_blocked()
        mock_clock.jump(WINDOW_SECONDS)
        await wait_all_tasks_blocked()
        assert logs[-1]["remote"] == "the next second", "nothing was left out"
        nursery.cancel_scope.cancel()
