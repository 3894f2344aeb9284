"""A log that is behind is read until it is not; what fails is tried again."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from gateway.backplane import Denied, Refused, Timeline, Unavailable
from gateway.backplane.log_page import LogPage
from gateway.delivery.log_follower import LogFollower
from gateway.delivery.log_reader import LogReader
from gateway.delivery.log_states import Read
from tests.unit.gateway.delivery.messages import message


class Log:
    """A log that has one message, and the store that it is in."""

    def __init__(self) -> None:
        self.log = LogFollower()
        self.log.start("e", 0, Timeline((), "a"))
        self.error: Unavailable | None = None
        self.reads = 0

    async def read(self, followed: Log, request: Read) -> None:
        self.reads += 1
        await trio.lowlevel.checkpoint()
        if self.error is not None:
            raise self.error
        followed.log.take_page(request, LogPage("e", 1, [message(1)], Timeline((), "a")))

    async def renew_epoch(self, followed: Log, epoch: str, *, beyond: str) -> None:
        raise AssertionError((followed, epoch, beyond))


@pytest.mark.parametrize(
    ("error", "least", "most"), [(Denied("OOM"), 350, 450), (Refused("WRONGTYPE"), 8, 12)]
)
async def test_how_often_a_log_is_asked_for_in_100_seconds(
    autojump_clock: MockClock, error: Unavailable, least: int, most: int
) -> None:
    del autojump_clock
    log = Log()
    reader = LogReader(log, wait_connected=trio.lowlevel.checkpoint)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader.run)
        await trio.testing.wait_all_tasks_blocked()
        assert not reader.read_if_behind(log)
        log.log.missed()
        log.error = error
        assert reader.read_if_behind(log)
        assert not reader.read_if_behind(log), "it is being read"
        await trio.sleep(100)
        assert least <= log.reads <= most
        log.error = None
        await reader.caught_up(log)
        assert len(log.log.take()) == 1
        await reader.caught_up(log)
        nursery.cancel_scope.cancel()


async def test_a_log_that_is_closed_is_read_no_more() -> None:
    log = Log()
    connected = trio.Event()
    reader = LogReader(log, wait_connected=connected.wait)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader.run)
        await trio.testing.wait_all_tasks_blocked()
        log.log.missed()
        reader.read_if_behind(log)
        await trio.testing.wait_all_tasks_blocked()
        log.log.close()
        connected.set()
        await reader.caught_up(log)
        assert (log.reads, log.log.take()) == (1, [])
        nursery.cancel_scope.cancel()
