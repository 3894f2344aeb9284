"""The slots for password hashes: how many run at once on a machine, and what keeps others out."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
import trio

from gateway.credentials.hash_slots import SLOTS, HashSlots
from gateway.credentials.slot_threads import SlotThreads
from tests import PATIENCE

ROOT: Final = Path(__file__).parents[4]
JOBS: Final = 4
WORKER: Final = f"""
import os, sys, threading
from pathlib import Path
from gateway.credentials.hash_slots import HashSlots
from gateway.credentials.slot_threads import SlotThreads

over = threading.Semaphore(0)

def say(what):
    os.write(1, (what + sys.argv[2]).encode())

def job():
    say("+")
    os.read(0, 1)
    say("-")
    over.release()

threads = SlotThreads(HashSlots(Path(sys.argv[1])))
for _ in range({JOBS}):
    threads.submit(job)
say("!")
for _ in range({JOBS}):
    over.acquire()
"""
"""A process whose jobs say ``+``, wait for a byte, and say ``-``; ``!`` once all are submitted."""


class Workers:
    """Processes with jobs. They say what they do into one pipe, which keeps the order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        read, self._write = os.pipe()
        self._said = trio.lowlevel.FdStream(read)
        self.processes: list[trio.Process] = []

    async def start(self) -> int:
        number = len(self.processes)
        process = await trio.lowlevel.open_process(
            [sys.executable, "-c", WORKER, str(self._folder), str(number)],
            stdin=subprocess.PIPE,
            stdout=self._write,
            cwd=ROOT,
        )
        self.processes.append(process)
        return number

    async def next(self) -> tuple[int, str]:
        """What is said next, by the process of which number."""
        said = bytes(await self._said.receive_some(2)).decode()
        return int(said[1]), said[0]

    async def release_one(self, number: int) -> None:
        stdin = self.processes[number].stdin
        assert stdin is not None
        await stdin.send_all(b".")

    async def close(self) -> None:
        for process in self.processes:
            process.kill()
            await process.wait()
        os.close(self._write)
        await self._said.aclose()


@asynccontextmanager
async def workers(folder: Path) -> AsyncIterator[Workers]:
    made = Workers(folder)
    try:
        with trio.fail_after(PATIENCE):
            yield made
    finally:
        with trio.CancelScope(shield=True):
            await made.close()


async def test_two_run_at_once_over_all_processes(tmp_path: Path) -> None:
    async with workers(tmp_path / "slots") as made:
        both = [await made.start(), await made.start()]
        running: list[int] = []
        ready, begun, ending = 0, 0, False
        while begun < JOBS * len(both) or running:
            number, said = await made.next()
            if said == "!":
                ready += 1
            elif said == "+":
                begun += 1
                running.append(number)
                assert len(running) <= SLOTS
            else:
                running.remove(number)
                ending = False
            all_slots_taken = len(running) == SLOTS or begun == JOBS * len(both)
            if ready == len(both) and running and all_slots_taken and not ending:
                ending = True
                await made.release_one(running[0])


async def test_a_process_that_dies_frees_its_slots(tmp_path: Path) -> None:
    async with workers(tmp_path / "slots") as made:
        first = await made.start()
        await heard(made, {(first, "+"): 2, (first, "!"): 1})
        second = await made.start()
        await heard(made, {(second, "!"): 1})
        made.processes[first].kill()
        await heard(made, {(second, "+"): 2})


async def heard(made: Workers, wanted: dict[tuple[int, str], int]) -> None:
    """Wait until all that is wanted has been said, and nothing else."""
    while any(wanted.values()):
        said = await made.next()
        assert wanted.get(said), said
        wanted[said] -= 1


def test_the_folder_is_made_for_this_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "slots"
    slots = HashSlots(folder)
    assert slots.problem() == ""
    assert folder.stat().st_mode & 0o777 == 0o700
    with slots.hold(0), slots.hold(1):
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())
        assert len(list(folder.iterdir())) == SLOTS


def test_a_folder_in_which_others_can_write_is_not_used(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    slots = HashSlots(tmp_path)
    assert "others can write in it" in slots.problem()
    with slots.hold(0):
        assert list(tmp_path.iterdir()) == []


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert HashSlots(tmp_path / "link").problem()
    victim = tmp_path / "victim"
    (tmp_path / "real" / "hash-slot-0").symlink_to(victim)
    assert HashSlots(tmp_path / "real").problem()
    assert not victim.exists()


def test_files_that_were_cleaned_up_are_made_again(tmp_path: Path) -> None:
    slots = HashSlots(tmp_path / "slots")
    with slots.hold(0):
        for path in (tmp_path / "slots").iterdir():
            path.unlink()
        (tmp_path / "slots").rmdir()
    with slots.hold(0):
        assert (tmp_path / "slots").is_dir()


def test_only_the_threads_that_hash_have_a_low_priority(tmp_path: Path) -> None:
    found: list[int] = []
    done = threading.Event()

    def job() -> None:
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        done.set()

    before = os.getpriority(os.PRIO_PROCESS, 0)
    threads = SlotThreads(HashSlots(tmp_path / "slots"))
    threads.submit(job)
    assert done.wait(PATIENCE)
    threads.close()
    own = sys.platform == "linux"  # elsewhere threads have no priority of their own
    assert found == [min(before + 5, 19) if own else before]
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def test_jobs_are_done_where_priorities_and_locks_are_forbidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the sandbox of a systemd unit, or on a file system that knows no locks."""

    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", forbidden)
    monkeypatch.setattr(fcntl, "flock", forbidden)
    done = threading.Event()
    threads = SlotThreads(HashSlots(tmp_path / "slots"))
    threads.submit(done.set)
    assert done.wait(PATIENCE)
    threads.close()


def test_a_closed_pool_ends_its_threads(tmp_path: Path) -> None:
    ran: list[threading.Thread] = []
    done = threading.Event()

    def job() -> None:
        ran.append(threading.current_thread())
        done.set()

    threads = SlotThreads(HashSlots(tmp_path / "slots"))
    threads.submit(job)
    assert done.wait(PATIENCE)
    threads.close()
    ran[0].join(PATIENCE)
    assert not ran[0].is_alive()


def test_where_nothing_temporary_can_be_written_each_process_has_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    slots = HashSlots()
    assert slots.problem() == (
        "cannot lock files in a folder for temporary files: there is none that can be used"
    )
    with slots.hold(0), slots.hold(1):
        pass
