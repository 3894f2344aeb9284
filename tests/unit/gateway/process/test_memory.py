"""When memory is given back, how often; and that garbage is still collected."""

from __future__ import annotations

import subprocess
import sys

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.process.memory import ENDED, PAUSE_SECONDS, MemoryUpkeep

CYCLES_ARE_FREED = """
import gc, weakref
from gateway.process import memory

class Node: pass

def cycle():
    one = Node()
    one.itself = one
    return weakref.ref(one)

memory.collect_seldom()
seen = [cycle() for _ in range(20_000)]
assert gc.get_freeze_count()
assert sum(ref() is not None for ref in seen) < 5_000
"""


@pytest.mark.parametrize("rounds", [1, 3])
async def test_memory_is_given_back_once_many_connections_have_ended(
    rounds: int, mock_clock: MockClock
) -> None:
    given_back: list[float] = []
    upkeep = MemoryUpkeep(lambda: given_back.append(trio.current_time()))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(upkeep.run)
        for _ in range(rounds):
            for _ in range(3 * ENDED):
                upkeep.connection_ended()
            await wait_all_tasks_blocked()
            mock_clock.jump(PAUSE_SECONDS)
            await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert given_back == [PAUSE_SECONDS * (each + 1) for each in range(rounds)]


async def test_a_few_connections_are_not_worth_it(mock_clock: MockClock) -> None:
    given_back: list[float] = []
    upkeep = MemoryUpkeep(lambda: given_back.append(trio.current_time()))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(upkeep.run)
        for _ in range(ENDED - 1):
            upkeep.connection_ended()
        await wait_all_tasks_blocked()
        mock_clock.jump(100 * PAUSE_SECONDS)
        await wait_all_tasks_blocked()
        assert not given_back
        nursery.cancel_scope.cancel()


def test_garbage_in_cycles_is_collected() -> None:
    subprocess.run([sys.executable, "-c", CYCLES_ARE_FREED], check=True, timeout=60)
