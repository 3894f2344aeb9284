"""A short run of every mix keeps every promise; of sabotaged nodes, the checker finds it.

Most of a run is waiting, so several go side by side, each with a cluster of its own.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import trio

from gateway.closing import SLOW_READER
from tests.faults.checker import Verdict
from tests.faults.faults import MIXES
from tests.faults.history import History
from tests.faults.report import table
from tests.faults.run import Plan, run

SHORT = Plan(nodes=2, clients=4, seconds=7.0, interval=(2.0, 3.0), grace=2.0)
LONG_PAUSE = replace(SHORT, seconds=9.0, interval=(7.0, 7.0))
"""One strike, which lasts longer than a node waits for Redis: answers are lost by it."""

SIDE_BY_SIDE = (
    ("none", "kill", "drain", "pause"),
    ("redis-pause", "redis-restart", "partition", "subscriber-cut"),
    ("subscriber-silent", "slow", "drop", "delay"),
    ("failover", "lagging-failover", "handover"),
)


def plan(mix: str, sabotage: str | None = None) -> Plan:
    timing = LONG_PAUSE if mix == "redis-pause" else SHORT
    settle = 6.0 if sabotage else SHORT.settle
    return replace(timing, mix=mix, seed=1, sabotage=sabotage, settle=settle)


async def run_all(plans: list[Plan], folder: Path) -> dict[str, tuple[History, Verdict]]:
    """Run these side by side; gives what came of each, by its mix."""
    found: dict[str, tuple[History, Verdict]] = {}

    async def one(plan: Plan) -> None:
        own = folder / plan.mix
        await trio.Path(own).mkdir()
        found[plan.mix] = await run(plan, own, lambda _: None)

    async with trio.open_nursery() as nursery:
        for each in plans:
            nursery.start_soon(one, each)
    return found


@pytest.mark.parametrize("mixes", SIDE_BY_SIDE, ids=",".join)
async def test_every_promise_is_kept(mixes: tuple[str, ...], tmp_path: Path) -> None:
    found = await run_all([plan(mix) for mix in mixes], tmp_path)
    for mix, (history, verdict) in found.items():
        report = f"{mix}\n{table(history, verdict)}"
        assert verdict.clean, report
        assert verdict.acknowledged > 30, report
        assert len(history.strikes) >= (0 if mix == "none" else 1), report
        assert mix != "slow" or history.closed[SLOW_READER.reason], report
        assert mix != "lagging-failover" or verdict.announced, report


def test_every_mix_is_run() -> None:
    assert {mix for mixes in SIDE_BY_SIDE for mix in mixes} == MIXES.keys()


@pytest.mark.parametrize(
    "sabotaged",
    [
        {"subscriber-cut": ("gaps", "lost"), "subscriber-silent": ("probe", "lost")},
        {"redis-pause": ("idempotency", "duplicated")},
    ],
)
async def test_a_broken_promise_is_found(
    sabotaged: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    plans = [plan(mix, sabotage) for mix, (sabotage, _) in sabotaged.items()]
    for mix, (history, verdict) in (await run_all(plans, tmp_path)).items():
        assert verdict.counts[sabotaged[mix][1]], f"{mix}\n{table(history, verdict)}"
