"""What is said about a run of the Autobahn test suite, and when it counts as passed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.websocket_conformance.report import is_success, read_report, summary

OK = {"behavior": "OK", "behaviorClose": "OK"}
INFORMATIONAL = {"behavior": "INFORMATIONAL", "behaviorClose": "INFORMATIONAL"}
NON_STRICT = {"behavior": "NON-STRICT", "behaviorClose": "OK"}


def test_cases_are_in_the_order_of_their_numbers_and_counted() -> None:
    cases = {"10.1.1": OK, "2.1": INFORMATIONAL, "6.4.1": NON_STRICT, "6.4.10": OK}
    verdicts = read_report({"gateway": cases})
    assert [each.case for each in verdicts] == ["2.1", "6.4.1", "6.4.10", "10.1.1"]
    assert list(summary(verdicts)) == [
        "6.4.1: NON-STRICT, closed: OK",
        "4 cases: 2 OK, 1 INFORMATIONAL, 1 NON-STRICT, 0 FAILED",
    ]


@pytest.mark.parametrize(
    ("case", "passed"),
    [
        (OK, True),
        (INFORMATIONAL, True),
        (NON_STRICT, False),
        (OK | {"behaviorClose": "WRONG CODE"}, False),
        (OK | {"behaviorClose": "UNCLEAN"}, False),
        (OK | {"behavior": "FAILED"}, False),
        (OK | {"behavior": "UNIMPLEMENTED"}, False),
        (OK | {"behavior": "MISSING"}, False),
    ],
)
def test_a_run_is_passed_if_every_case_is(case: dict[str, str], passed: bool) -> None:
    verdicts = read_report({"gateway": {"1.1": OK, "1.2": case}})
    assert is_success(verdicts, expected=None) is passed
    assert is_success(verdicts, expected=2) is passed


def test_a_run_with_cases_missing_or_without_any_is_not_passed() -> None:
    assert not is_success(read_report({"gateway": {"1.1": OK}}), expected=2)
    assert not is_success(read_report({"gateway": {}}), expected=None)


@pytest.mark.parametrize("named", ["", sys.executable, "/nowhere/python2.7"])
def test_without_a_python_2_7_it_says_how_to_get_one(named: str, tmp_path: Path) -> None:
    environment = os.environ | {"PATH": str(tmp_path), "PYENV_ROOT": str(tmp_path)}
    environment |= {"PYTHON2": named}
    command = [sys.executable, "-m", "tests.websocket_conformance"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "pyenv install 2.7.18" in done.stderr
