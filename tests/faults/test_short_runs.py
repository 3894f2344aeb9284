"""A short run of every mix keeps every promise; of sabotaged nodes, the checker finds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.report import table
from tests.faults.run import Plan, run

SHORT = Plan(nodes=2, clients=4, seconds=7.0, interval=(2.0, 3.0), grace=2.0)


def plan(mix: str, sabotage: str | None = None, seconds: float = SHORT.seconds) -> Plan:
    return Plan(
        nodes=SHORT.nodes, clients=SHORT.clients, seconds=seconds, mix=mix, seed=1,
        interval=SHORT.interval, grace=SHORT.grace, sabotage=sabotage,
        settle=6.0 if sabotage else SHORT.settle,
    )  # fmt: skip


@pytest.mark.parametrize(
    "mix", ["none", "kill", "drain", "subscriber-cut", "subscriber-silent", "slow", "drop", "delay"]
)
async def test_every_promise_is_kept(mix: str, tmp_path: Path) -> None:
    history, verdict = await run(plan(mix), tmp_path, lambda _: None)
    assert verdict.clean, table(verdict)
    assert verdict.acknowledged > 30
    assert len(history.strikes) >= (0 if mix == "none" else 2)


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
    _, verdict = await run(plan(mix, sabotage), tmp_path, lambda _: None)
    assert verdict.counts[found], table(verdict)
