"""The load test as it is run: nodes of its own, a few seconds, a report that adds up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def run(folder: Path, *flags: str) -> tuple[str, dict[str, Any]]:
    """Run it with short times; gives what it printed, and its JSON."""
    told, page = folder / "run.json", folder / "run.html"
    command = [
        sys.executable, "-m", "tests.load", "--warmup", "0.5", "--json", str(told),
        "--html", str(page), *flags,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert page.read_text().startswith("<!doctype html>")
    [report] = json.loads(told.read_text())
    return done.stdout, report


def test_every_message_of_a_run_is_accounted_for(tmp_path: Path) -> None:
    printed, report = run(
        tmp_path, "--spawn", "2", "--clients", "40", "--senders", "5", "--rate", "30",
        "--seconds", "2", "--generators", "2",
    )  # fmt: skip
    assert report["connects"]["ready"] == 40
    assert report["achieved"] == pytest.approx(30, rel=0.2), "by the clock of a busy machine"
    assert report["expected"] == 75 * 40
    assert (report["lost"], report["duplicated"], report["reordered"]) == (0, 0, 0)
    assert report["delivered"]["p50"] > 0
    assert [second["second"] for second in report["timeline"]] == [0.5, 1.5]
    assert set(report["nodes"]) == {"node 1", "node 2"}
    assert "publish → deliver" in printed


def test_who_is_cut_off_by_a_dead_node_comes_back_to_another(tmp_path: Path) -> None:
    _, report = run(
        tmp_path, "--spawn", "2", "--scenario", "reconnect-storm", "--clients", "10", "--movers",
        "60", "--rate", "20", "--seconds", "3", "--ramp", "500",
    )  # fmt: skip
    assert report["lost_connections"] == 60
    assert report["ready_at_end"] == 70
    assert report["rejoined"]["max"] > 0
    assert (report["lost"], report["duplicated"]) == (0, 0)
