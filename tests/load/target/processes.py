"""Processes that are measured: started, kept to a core, waited for, and read from ``/proc``."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 15.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")
FoundT = TypeVar("FoundT")


@dataclass(frozen=True)
class Usage:
    """What a process has used so far, and has now.

    - ``cpu``: seconds since it started
    - ``rss``: KiB that are resident
    - of a node also: messages ``deliveries`` to clients, open ``connections``, and connections
      closed because they read too slowly (``slow_readers``)
    """

    cpu: float
    rss: int
    deliveries: float = 0.0
    connections: float = 0.0
    slow_readers: float = 0.0


def usage(pid: int) -> Usage:
    """Return what the kernel says a process uses; zeros for one that has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return Usage(0.0, 0)
    resident = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    return Usage((int(stat[11]) + int(stat[12])) / _TICKS, int(resident[0]) if resident else 0)


def start(command: list[str], folder: Path, core: int | None) -> subprocess.Popen[bytes]:
    """Start a process in a folder, on one core if ``core`` is given."""
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    if core is not None:
        os.sched_setaffinity(process.pid, {core})
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process with SIGTERM, or with SIGKILL after `STOP_SECONDS`."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(
    condition: Callable[[], FoundT], process: subprocess.Popen[bytes], what: str
) -> FoundT:
    """Return the first true value of ``condition``, which is called until there is one.

    :raises SystemExit: if the process ended, or after `START_SECONDS`.
    """
    give_up = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < give_up:
        if found := condition():
            return found
        time.sleep(0.05)
    raise SystemExit(f"{what} did not start")


def port_of(pid: int) -> int:
    """Return the TCP port that a process listens on; 0 as long as it listens on none.

    The kernel is asked, because a node logs its port only at a level at which it also logs every
    client, and that would be part of what is measured.
    """
    files, listening = set(), "0A"
    with suppress(FileNotFoundError):  # the process opens and closes files meanwhile
        files = {str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()}
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        _, address, _, state, _, _, _, _, _, inode, *_ = line.split()
        if state == listening and f"socket:[{inode}]" in files:
            return int(address.rpartition(":")[2], 16)
    return 0
