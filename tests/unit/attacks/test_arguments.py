"""Wrong arguments of the attacks are refused in one line, before anything runs."""

from __future__ import annotations

import pytest

from tests.attacks.__main__ import main
from tests.unit.refused_arguments import complaint_about


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("pings nothing", "argument NAME: there is no attack 'nothing'; see --help"),
        ("--addresses 0", "argument --addresses: 0 is not between 1 and 1,000"),
        ("--nodes 0", "argument --nodes: 0 is not between 1 and 16"),
        ("--seconds 0", "argument --seconds: 0 is not between 0.5 and 3,600"),
        ("--scale x", "argument --scale: invalid number value: 'x'"),
        ("--gateway /nowhere", "argument --gateway: /nowhere is no checkout of the gateway"),
        ("--json /nowhere/x", "argument --json: [Errno 2] No such file or directory"),
    ],
)
def test_wrong_arguments_are_refused_in_a_line(
    arguments: str,
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert complaint in complaint_about(arguments, main, monkeypatch, capsys)
