"""A short run of every mix keeps every promise; of sabotaged nodes, the checker finds it.

Most of a run is waiting, so several go side by side, each with a cluster of its own.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import trio

from client.server_texts import CLOSINGS
from gateway.closing import SLOW_READER
from tests.faults.faults import MIXES
from tests.faults.history import History
from tests.faults.report import table
from tests.faults.run import Plan, run
from tests.faults.verdict import Verdict

SHORT = Plan(nodes=2, clients=4, seconds=7.0, interval=(2.0, 3.0), grace=2.0)
LONG_PAUSE = replace(SHORT, seconds=9.0, interval=(7.0, 7.0))
"""One strike, which lasts longer than a node waits for Redis: answers are lost by it."""

SIDE_BY_SIDE = (
    ("none", "kill", "drain", "pause", "full"),
    ("redis-pause", "redis-restart", "partition", "subscriber-cut", "pause-all"),
    ("subscriber-silent", "slow", "drop", "delay", "flush"),
    ("failover", "lagging-failover", "handover", "rollback", "purge"),
    ("sentinel-failover", "slow-demotion", "double-resume"),
)


def plan(mix: str, sabotage: str | None = None) -> Plan:
    timing = LONG_PAUSE if mix == "redis-pause" else SHORT
    settle = 3.0 if sabotage else SHORT.settle
    return replace(timing, mix=mix, seed=1, sabotage=sabotage, settle=settle)


async def run_all(plans: list[Plan], folder: Path) -> list[tuple[History, Verdict]]:
    """Run these side by side; gives what came of each, in their order."""
    found: dict[int, tuple[History, Verdict]] = {}

    async def one(number: int, plan: Plan) -> None:
        own = folder / str(number)
        await trio.Path(own).mkdir()
        found[number] = await run(plan, own, lambda _: None)

    async with trio.open_nursery() as nursery:
        for number, each in enumerate(plans):
            nursery.start_soon(one, number, each)
    return [found[number] for number in range(len(plans))]


@pytest.mark.parametrize("mixes", SIDE_BY_SIDE, ids=",".join)
async def test_every_promise_is_kept(mixes: tuple[str, ...], tmp_path: Path) -> None:
    found = await run_all([plan(mix) for mix in mixes], tmp_path)
    for mix, (history, verdict) in zip(mixes, found, strict=True):
        report = f"{mix}\n{table(history, verdict)}"
        assert verdict.clean, report
        assert verdict.in_rooms.acknowledged > 30, report
        assert verdict.direct.acknowledged > 5, report
        assert len(history.strikes) >= (0 if mix == "none" else 1), report
        assert mix != "slow" or history.closed[CLOSINGS[SLOW_READER.code]], report
        assert mix not in {"lagging-failover", "flush", "rollback"} or verdict.announced, report


def test_every_mix_is_run() -> None:
    assert {mix for mixes in SIDE_BY_SIDE for mix in mixes} == MIXES.keys()


BROKEN = (
    ("gaps", "subscriber-silent", "lost"),
    ("probe", "subscriber-silent", "lost"),
    ("idempotency", "redis-pause", "duplicated"),
)
"""What the nodes do not do, the fault that it is needed for, and the anomaly that comes of it."""


async def test_a_broken_promise_is_found(tmp_path: Path) -> None:
    # All are on the one node: whatever the fault hides is hidden from somebody.
    plans = [replace(plan(mix, sabotage), nodes=1) for sabotage, mix, _ in BROKEN]
    found = await run_all(plans, tmp_path)
    for (sabotage, _, anomaly), (history, verdict) in zip(BROKEN, found, strict=True):
        assert verdict.counts[anomaly], f"{sabotage}\n{table(history, verdict)}"
