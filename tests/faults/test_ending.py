"""A run that is ended by a signal leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests import PATIENCE
from tests.demo import HASH_SLOTS

RUNS = {
    "faults": (("tests.faults", "--mix", "kill,pause", "--nodes", "2"), "messages so far"),
    "load": (("tests.load", "--spawn", "2", "--clients", "10", "--rate", "10"), "deliveries/s"),
    "attacks": (("tests.attacks", "idle-connections"), "idle-connections from 1"),
}
"""How each is started, and what it says once it is at work."""


SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def begun(run: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", *RUNS[run][0], "--seconds", "600"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"TMPDIR": str(folder)}, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("run", RUNS)
def test_nothing_is_left_of_a_run_that_is_ended(
    run: str, number: signal.Signals, tmp_path: Path
) -> None:
    with begun(run, tmp_path) as process:
        assert process.stderr is not None
        assert any(RUNS[run][1] in line for line in process.stderr), "it ended"
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            process.send_signal(number)
        assert process.wait(PATIENCE) == 128 + number
        assert group(process.pid) == []
    assert {path.name for path in tmp_path.iterdir()} <= {HASH_SLOTS}
    links, spaces = Path("/proc/net/dev").read_text(), Path("/run/netns").glob("*")
    assert not [name for name in (links, *map(str, spaces)) if f"cf{process.pid:x}x" in name]


def group(number: int) -> list[str]:
    """Return the commands that run in a process group."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(ProcessLookupError, FileNotFoundError):
            if os.getpgid(int(process.name)) == number:
                found.append((process / "cmdline").read_text().replace("\0", " "))
    return [command for command in found if command]  # a dead process has none
