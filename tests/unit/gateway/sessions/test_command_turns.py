"""Commands begin in turns by address, some in each round of the loop."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gateway.sessions.command_turns import COMMANDS_PER_ROUND, CommandTurns


@pytest.fixture
async def turns() -> AsyncIterator[CommandTurns]:
    async with trio.open_nursery() as nursery:
        turns = CommandTurns()
        nursery.start_soon(turns.run)
        await wait_all_tasks_blocked()
        yield turns
        nursery.cancel_scope.cancel()


async def begin(turns: CommandTurns, begun: list[str], address: str | None, name: str) -> None:
    await turns.begin(address)
    begun.append(name)


async def test_a_few_commands_begin_at_once(turns: CommandTurns) -> None:
    begun: list[str] = []
    for number in range(COMMANDS_PER_ROUND):
        with trio.CancelScope() as scope:
            scope.cancel()  # nothing here may wait
            await begin(turns, begun, "a", str(number))
    assert len(begun) == COMMANDS_PER_ROUND


async def test_a_crowd_at_one_address_holds_up_nobody_at_another(turns: CommandTurns) -> None:
    begun: list[str] = []
    async with trio.open_nursery() as nursery:
        for number in range(10 * COMMANDS_PER_ROUND):
            nursery.start_soon(begin, turns, begun, "crowd", f"crowd {number}")
        await trio.lowlevel.checkpoint()  # those are waiting now
        nursery.start_soon(begin, turns, begun, "alone", "alone")
        nursery.start_soon(begin, turns, begun, None, "exempt")
    assert begun.index("alone") <= 3 * COMMANDS_PER_ROUND
    assert begun.index("exempt") <= 3 * COMMANDS_PER_ROUND
    assert len(begun) == 10 * COMMANDS_PER_ROUND + 2
    of_the_crowd = [name for name in begun if name.startswith("crowd")]
    assert len(set(of_the_crowd)) == len(of_the_crowd)


async def test_other_tasks_run_between_the_rounds(turns: CommandTurns) -> None:
    begun: list[str] = []
    seen: list[int] = []

    async def look() -> None:
        while len(begun) < 5 * COMMANDS_PER_ROUND:
            seen.append(len(begun))
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for number in range(5 * COMMANDS_PER_ROUND):
            nursery.start_soon(begin, turns, begun, "crowd", str(number))
        nursery.start_soon(look)
    steps = [after - before for before, after in itertools.pairwise(seen)]
    assert max(steps) <= 2 * COMMANDS_PER_ROUND


async def test_who_leaves_while_waiting_takes_no_turn(turns: CommandTurns) -> None:
    begun: list[str] = []
    for number in range(COMMANDS_PER_ROUND):
        await begin(turns, begun, "crowd", str(number))
    with trio.CancelScope() as leaving:
        leaving.cancel()
        await begin(turns, begun, "leaver", "leaver")
    assert leaving.cancelled_caught
    await begin(turns, begun, "later", "later")
    assert "leaver" not in begun
    assert begun[-1] == "later"
