"""Short runs with every fault are clean, and those with sabotaged nodes are not.

A run lasts until its faults have struck and everybody has talked meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.checkers.result import CheckResult
from tests.faults.close_reasons import SLOW_READER_REASON
from tests.faults.history import RunHistory
from tests.faults.nemesis.mixes import faults_of
from tests.faults.report import table
from tests.faults.run import RunOptions, run

SHORT = RunOptions(
    nodes=2, clients=4, seconds=0.0, strikes=2, talk=3, interval=(2.0, 3.0), grace=2.0,
    settle=50.0, hearing=50.0, seed=1, accounts=0,
)  # fmt: skip
TOGETHER = (
    "kill,drain,pause-all", "pause,redis-restart,full", "drop,delay,slow", "subscriber-cut",
    "double-resume,purge,clock", "flush,rollback", "failover", "sentinel-failover,slow-demotion",
)  # fmt: skip
"""The mixes that are run together: most of a short run is its beginning and its end."""
OPTIONS = {
    mix: replace(SHORT, mix=mix, strikes=max(SHORT.strikes, len(faults_of(mix))))
    for mix in TOGETHER
} | {
    "none": replace(SHORT, mix="none", strikes=0, talk=9),
    # What a node that is cut off for longer than the grace time had, is given back.
    "partition": replace(SHORT, mix="partition", grace=10.0),
    # These last longer than a node waits for Redis: answers are lost by it.
    "redis-pause": replace(SHORT, mix="redis-pause", interval=(7.0, 7.0)),
}


async def carry_out(options: RunOptions, folder: Path) -> tuple[RunHistory, CheckResult, str]:
    """Run; return the history, the result, and both as text for a failed assertion."""
    history, result = await run(options, folder, lambda _: None)
    return history, result, f"{options}\n{table(history, result)}"


def test_every_fault_is_in_a_run() -> None:
    assert {fault for mix in OPTIONS for fault in faults_of(mix)} == set(faults_of("all"))


@pytest.mark.parametrize("mix", OPTIONS)
async def test_every_promise_is_kept(mix: str, tmp_path: Path) -> None:
    history, result, report = await carry_out(OPTIONS[mix], tmp_path)
    assert result.clean, report
    assert result.in_rooms.acknowledged > 30, report
    assert result.direct.acknowledged > 5, report
    assert len(history.faults) == OPTIONS[mix].strikes, report
    names = {fault.name for fault in faults_of(mix)}
    assert {fault.name for fault in history.faults} == names, report
    assert "slow" not in names or history.disconnects[SLOW_READER_REASON], report
    assert not names & {"lagging_failover", "flush", "roll_back"} or result.announced, report


async def test_accounts_are_kept_while_nodes_die_and_redis_fails_over(tmp_path: Path) -> None:
    options = replace(SHORT, mix="kill,lagging-failover", accounts=2)
    history, result, report = await carry_out(options, tmp_path)
    assert result.clean, report
    kinds = {each.kind for each in history.credentials if each.revoked is not None}
    assert kinds == {"password", "token", "session"}, report
    assert {each.credential.kind for each in history.credential_uses} >= kinds, report
    assert {each.source for each in history.markers} == {"answer", "event", "welcome"}, report
    people = {each.person for each in history.conversations}
    assert {"a0", "a1"} <= people, report


@pytest.mark.parametrize(
    ("sabotage", "mix", "anomaly"),
    [
        ("gaps", "subscriber-silent", "lost"),
        ("probe", "subscriber-silent", "lost"),
        ("idempotency", "redis-pause", "duplicated"),
        ("revocations", "none", "revoked accepted"),
    ],
)
async def test_a_broken_promise_is_found(
    sabotage: str, mix: str, anomaly: str, tmp_path: Path
) -> None:
    """Parameters: the promise that is broken, the faults it is needed for, the anomaly to find."""
    # With one node, what the fault hides is hidden from all clients. Some of it never comes, so
    # that a long wait for it is of no use.
    options = replace(
        OPTIONS.get(mix, replace(SHORT, mix=mix)),
        sabotage=sabotage,
        nodes=1,
        settle=10.0,
        hearing=3.0,
        accounts=int(mix == "none"),
    )
    _, result, report = await carry_out(options, tmp_path)
    assert result.counts[anomaly], report
