"""A link goes where the sentinels say, as soon as they do, and does not believe who was left.

Time stands still unless a test says otherwise: what happens then did not wait for anything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import structlog.testing
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.backplane import Unavailable, topology_from_url
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.topology import ASK_SECONDS, Sentinels
from tests.backplane.fake_sentinel import FakeSentinel, FakeServer, serving

STANDSTILL = 10.0


class Group:
    """Three sentinels, a primary and another server, and a link to what the sentinels name."""

    def __init__(self, clock: MockClock) -> None:
        self.clock = clock
        self.sentinels = FakeSentinel(), FakeSentinel(), FakeSentinel()
        self.old, self.new = FakeServer(), FakeServer()
        self.link: Link

    async def run(self, task_status: trio.TaskStatus[None]) -> None:
        hosts = ",".join(sentinel.place for sentinel in self.sentinels)
        topology = topology_from_url(f"redis+sentinel://{hosts}/chat")
        assert isinstance(topology, Sentinels)
        self.link = Link(topology, name="test", timeout=100)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(topology.watch, self.link.reconnect)
            nursery.start_soon(self.link.run)
            await self.link.wait_connected()
            while not all(sentinel.has_named for sentinel in self.sentinels):
                await wait_all_tasks_blocked(0.001)
            await wait_all_tasks_blocked(0.001)
            task_status.started()

    async def until(self, event: trio.Event) -> None:
        """Let time pass until this has happened."""
        while not event.is_set():
            await wait_all_tasks_blocked(0.001)
            self.clock.jump(0.01)

    async def hold(self) -> None:
        """Let no sentinel answer, and let time pass as if this process had stood still."""
        for sentinel in self.sentinels:
            sentinel.hold()
        self.clock.jump(STANDSTILL)

    def release(self) -> None:
        for sentinel in self.sentinels:
            sentinel.release()


@asynccontextmanager
async def opened(mock_clock: MockClock) -> AsyncIterator[Group]:
    """Connect a link to the old primary, which all sentinels name."""
    group = Group(mock_clock)
    async with serving(*group.sentinels, group.old, group.new), trio.open_nursery() as nursery:
        for sentinel in group.sentinels:
            sentinel.name(group.old)
        await nursery.start(group.run)
        yield group
        nursery.cancel_scope.cancel()


async def test_what_is_announced_is_followed_at_once(mock_clock: MockClock) -> None:
    async with opened(mock_clock) as group:
        leader = group.sentinels[1]
        leader.name(group.new, epoch=1)
        with structlog.testing.capture_logs() as logs:
            await leader.announce()
            await group.old.left.wait()
        [line] = logs
        assert line["event"] == "the primary has moved"
        assert (line["old"], line["new"]) == (group.old.place, group.new.place)
        assert line["sentinel"] == leader.place
        await group.until(group.new.came)


async def test_what_is_not_announced_is_found_by_asking(mock_clock: MockClock) -> None:
    async with opened(mock_clock) as group:
        group.sentinels[2].name(group.new, epoch=1)
        group.clock.jump(ASK_SECONDS)
        await group.old.left.wait()
        await group.until(group.new.came)


async def test_whoever_waits_for_the_old_primary_is_told_that_it_is_unavailable(
    mock_clock: MockClock,
) -> None:
    async with opened(mock_clock) as group:
        group.old.hold()
        with pytest.RaisesGroup(Unavailable):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(group.link.call, "PING")
                await group.old.asked()
                group.sentinels[0].name(group.new, epoch=1)
                await group.sentinels[0].announce()


async def test_an_attempt_to_come_to_the_old_primary_is_given_up(mock_clock: MockClock) -> None:
    async with opened(mock_clock) as group:
        group.old.hold()
        group.link.reconnect()
        await group.old.left.wait()
        group.old.left, group.old.came = trio.Event(), trio.Event()
        await group.until(group.old.came)
        group.sentinels[0].name(group.new, epoch=1)
        await group.sentinels[0].announce()
        await group.old.left.wait()
        await group.until(group.new.came)


async def test_after_a_standstill_answers_count_once_the_sentinels_were_heard(
    mock_clock: MockClock,
) -> None:
    """Nobody knows what was decided meanwhile; here it was nothing."""
    async with opened(mock_clock) as group:
        await group.hold()
        answered = trio.Event()

        async def ask() -> None:
            assert await group.link.call("PING") == b"OK"
            answered.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await group.old.asked()
            await wait_all_tasks_blocked(0.01)
            assert not answered.is_set()
            group.release()


async def test_after_a_standstill_what_the_old_primary_answered_does_not_count(
    mock_clock: MockClock,
) -> None:
    """Another one was named meanwhile, and nobody heard it."""
    async with opened(mock_clock) as group:
        await group.hold()
        group.sentinels[2].name(group.new, epoch=1)
        with pytest.RaisesGroup(Unavailable):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(group.link.call, "PING")
                await group.old.asked()
                await wait_all_tasks_blocked(0.01)
                group.release()


async def test_without_sentinels_it_goes_on_with_the_primary_it_has(mock_clock: MockClock) -> None:
    group = Group(mock_clock)
    async with trio.open_nursery() as nursery:
        async with serving(group.old), trio.open_nursery() as around:
            async with serving(*group.sentinels):
                for sentinel in group.sentinels:
                    sentinel.name(group.old)
                await around.start(group.run)
            for _ in range(100):
                await wait_all_tasks_blocked(0.001)
                group.clock.jump(0.1)
            assert await group.link.call("PING") == b"OK"
            around.cancel_scope.cancel()
        nursery.cancel_scope.cancel()
