"""Short runs of the attacks that the gateway withstands: the innocents are not closed or refused.

An attack lasts until the attackers have got something, so that it is one on every machine; and
delays are bounded by seconds instead of milliseconds, so that they tell of a node that stood still
and not of a machine that is busy. A node's memory may take a minute, but does not in a short run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests import PATIENCE
from tests.attacks.bounds import Bounds, judge
from tests.attacks.catalogue import ATTACKS
from tests.attacks.report import HEADING, row
from tests.attacks.run import Options, carry_out

STOOD_STILL = 10.0
SHORT = Options(
    seconds=PATIENCE, peace=0.2, control=False, aftermath=0.2, patience=PATIENCE,
    scale=0.1,
    bounds=Bounds(p99=STOOD_STILL, most=STOOD_STILL, newcomer=STOOD_STILL, settle=PATIENCE),
)  # fmt: skip
RUNS = {
    "connections": (50, "connected", 200),
    "idle-connections": (50, "connected", 150),
    "no-hello": (50, "HTTP 101", 80),
    "silent-sessions": (1, "too_fast", 10),
    "handshakes": (50, "HTTP 101", 150),
    "metrics-requests": (1, "HTTP 200", 100),
    "page-requests": (50, "HTTP 404", 60),
    "forged-addresses": (1, "welcome", 20),
    "cross-origin": (50, "HTTP 403", 100),
    "resume-guessing": (1, "unauthorized", 30),
    "password-guessing": (50, "too_fast", 60),
    "registering": (1, "welcome", 4),
    "nick-churn": (50, "ok", 100),
    "huge-names": (1, "bad_nick", 8),
    "commands": (1, "too_fast", 150),
    "nested-json": (1, "bad_frame", 12),
    "oversized-frames": (1, "closed 1009", 20),
    "members-lists": (50, "ok", 100),
    "full-logs": (1, "sent", 10),
    "giant-presence": (50, "sent", 800),
    "slow-readers": (1, "ok", 30),
    "directs": (1, "too_fast", 20),
}
"""How many addresses each comes from, and which outcome it goes on for, until how often."""


@pytest.mark.parametrize("name", RUNS)
async def test_innocents_do_not_suffer(name: str, tmp_path: Path) -> None:
    sources, outcome, often = RUNS[name]
    options = replace(SHORT, until=(outcome, often))
    cost = await carry_out(ATTACKS[name], sources, options, tmp_path, lambda _: None)
    verdict = judge(cost, SHORT.bounds, ATTACKS[name])
    assert not verdict.broken, HEADING + row(cost, verdict)
    assert cost.outcomes.get(outcome, 0) >= often, HEADING + row(cost, verdict)


async def test_what_attackers_must_not_get_is_found(tmp_path: Path) -> None:
    attack = replace(ATTACKS["handshakes"], most={"HTTP 101": 0})
    options = replace(SHORT, until=("HTTP 101", 1))
    cost = await carry_out(attack, 1, options, tmp_path, lambda _: None)
    [broken] = judge(cost, SHORT.bounds, attack).broken
    assert broken.startswith("attackers got HTTP 101")


def test_the_program_prints_a_row_and_exits_as_it_says(tmp_path: Path) -> None:
    told = tmp_path / "attacks.json"
    command = [sys.executable, "-m", "tests.attacks", "page-requests", "--addresses", "2"]
    options = ["--seconds", "0.5", "--peace", "0.5", "--settle", "1", "--json", str(told)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert "page-requests from 2: Ask for /" in done.stderr
    [cost] = json.loads(told.read_text())
    expected = 1 if cost["broken"] else 3 if cost["noisy"] else 0
    assert done.returncode == expected, done.stdout + done.stderr
    state = {0: " held", 1: " BROKEN", 3: " noisy"}[expected]
    [figures] = [line for line in done.stdout.splitlines() if line.startswith("page-requests ")]
    assert figures.endswith(state)
