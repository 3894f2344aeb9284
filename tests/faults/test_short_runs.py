"""A short run of every mix keeps every promise; of sabotaged nodes, the checker finds it.

A run is as long as it takes until its faults have struck and everybody has talked meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from client.i18n.server_texts import CLOSINGS
from gateway.closing import SLOW_READER
from tests.faults.faults import MIXES
from tests.faults.history import History
from tests.faults.report import table
from tests.faults.run import Plan, run
from tests.faults.verdict import Verdict

SHORT = Plan(
    nodes=2, clients=4, seconds=0.0, strikes=2, talk=3, interval=(2.0, 3.0), grace=2.0,
    settle=50.0, hearing=50.0, seed=1,
)  # fmt: skip
PLANS = {
    mix: replace(SHORT, mix=mix, strikes=max(SHORT.strikes, len(faults)))
    for mix, faults in MIXES.items()
} | {
    "none": replace(SHORT, mix="none", strikes=0, talk=9),
    # What a node that is cut off for longer than the grace time had, is given back.
    "partition": replace(SHORT, mix="partition", grace=10.0),
    # These last longer than a node waits for Redis: answers are lost by it.
    "redis-pause": replace(SHORT, mix="redis-pause", interval=(7.0, 7.0)),
}


async def carry_out(plan: Plan, folder: Path) -> tuple[History, Verdict, str]:
    """Return what was recorded of a run, what comes of it, and both as a text."""
    history, verdict = await run(plan, folder, lambda _: None)
    return history, verdict, f"{plan}\n{table(history, verdict)}"


@pytest.mark.parametrize("mix", PLANS)
async def test_every_promise_is_kept(mix: str, tmp_path: Path) -> None:
    history, verdict, report = await carry_out(PLANS[mix], tmp_path)
    assert verdict.clean, report
    assert verdict.in_rooms.acknowledged > 30, report
    assert verdict.direct.acknowledged > 5, report
    assert len(history.strikes) == PLANS[mix].strikes, report
    assert {strike.fault for strike in history.strikes} == {f.__name__ for f in MIXES[mix]}, report
    assert mix != "slow" or history.closed[CLOSINGS[SLOW_READER.code]], report
    assert mix not in {"lagging-failover", "flush", "rollback"} or verdict.announced, report


@pytest.mark.parametrize(
    ("sabotage", "mix", "anomaly"),
    [
        ("gaps", "subscriber-silent", "lost"),
        ("probe", "subscriber-silent", "lost"),
        ("idempotency", "redis-pause", "duplicated"),
    ],
)
async def test_a_broken_promise_is_found(
    sabotage: str, mix: str, anomaly: str, tmp_path: Path
) -> None:
    """What the nodes do not do, the fault that it is needed for, and what comes of it."""
    # All are on the one node: whatever the fault hides is hidden from somebody. What does not come
    # need not be waited for.
    plan = replace(PLANS[mix], sabotage=sabotage, nodes=1, hearing=3.0)
    _, verdict, report = await carry_out(plan, tmp_path)
    assert verdict.counts[anomaly], report
