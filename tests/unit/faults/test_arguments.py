"""Wrong arguments of the fault runs are refused in one line, before anything runs."""

from __future__ import annotations

import pytest

from tests.faults.__main__ import main
from tests.faults.workloads.race import RaceResult
from tests.unit.refused_arguments import complaint_about


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("--nodes 0", "argument --nodes: 0 is not between 1 and 64"),
        ("--clients 0", "argument --clients: 0 is not between 1 and 1,000,000"),
        ("--accounts -1", "argument --accounts: -1 is not between 0 and 1,000,000"),
        ("--clients x", "argument --clients: invalid whole number value: 'x'"),
        ("--seconds 0", "argument --seconds: 0 is not between 0.1 and 86,400"),
        ("--seconds -5", "argument --seconds: -5 is not between 0.1 and 86,400"),
        ("--grace -1", "argument --grace: -1 is not between 0 and 3,600"),
        ("--mix kill,nothing", "argument --mix: 'nothing' is none of kill, "),
        ("--json /nowhere/x", "argument --json: [Errno 2] No such file or directory"),
        ("race --people 0", "argument --people: 0 is not between 1 and 10,000"),
        ("race --rounds 0", "argument --rounds: 0 is not between 1 and 1,000,000"),
        ("release --sessions 0", "argument --sessions: 0 is not between 1 and 20,000"),
        ("churn --count 0", "argument --count: 0 is not between 1 and 1,000,000"),
    ],
)
def test_wrong_arguments_are_refused_in_a_line(
    arguments: str,
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert complaint in complaint_about(arguments, main, monkeypatch, capsys)


def test_a_race_that_nobody_won_is_not_clean() -> None:
    assert RaceResult({1: 3}).clean
    assert RaceResult({0: 1, 1: 2}, kills=1).clean
    assert not RaceResult({}).clean
    assert not RaceResult({0: 3}, kills=1).clean
    assert not RaceResult({0: 1, 1: 2}).clean
    assert not RaceResult({1: 2, 2: 1}).clean
