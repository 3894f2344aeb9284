"""A short run of every mix keeps every promise; of sabotaged nodes, the checker finds it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.report import table
from tests.faults.run import Plan, run

SHORT = Plan(nodes=2, clients=4, seconds=7.0, interval=(2.0, 3.0), grace=2.0)


LONG_PAUSE = replace(SHORT, seconds=9.0, interval=(7.0, 7.0))
"""One strike, which lasts longer than a node waits for Redis: answers are lost by it."""


def plan(mix: str, sabotage: str | None = None) -> Plan:
    timing = LONG_PAUSE if mix == "redis-pause" else SHORT
    settle = 6.0 if sabotage else SHORT.settle
    return replace(timing, mix=mix, seed=1, sabotage=sabotage, settle=settle)


@pytest.mark.parametrize(
    "mix",
    [
        "none", "kill", "drain", "pause", "redis-pause", "redis-restart", "partition",
        "subscriber-cut", "subscriber-silent", "slow", "drop", "delay",
    ],
)  # fmt: skip
async def test_every_promise_is_kept(mix: str, tmp_path: Path) -> None:
    history, verdict = await run(plan(mix), tmp_path, lambda _: None)
    assert verdict.clean, table(history, verdict)
    assert verdict.acknowledged > 30
    assert len(history.strikes) >= (0 if mix == "none" else 1)


@pytest.mark.parametrize(
    ("sabotage", "mix", "found"),
    [
        ("gaps", "subscriber-cut", "lost"),
        ("probe", "subscriber-silent", "lost"),
        ("idempotency", "redis-pause", "duplicated"),
    ],
)
async def test_a_broken_promise_is_found(
    sabotage: str, mix: str, found: str, tmp_path: Path
) -> None:
    history, verdict = await run(plan(mix, sabotage), tmp_path, lambda _: None)
    assert verdict.counts[found], table(history, verdict)
