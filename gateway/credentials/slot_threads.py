"""Threads of low priority, one for each slot, that do one job at a time.

They are not those of `trio.to_thread`, which are used again for other work: a thread whose
priority was lowered cannot raise it again.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from gateway.credentials.hash_slots import SLOTS, HashSlots

Job = Callable[[], None]
_NICER: Final = 5
_NICEST: Final = 19


class SlotThreads:
    """Does jobs in the order in which they come, each while it holds a slot.

    A thread first waits for its slot, then takes the oldest job: whichever slot is free is used.
    The threads begin with the first job. They are daemons: while another process has the slots,
    they do not keep this one from ending.
    """

    def __init__(self, slots: HashSlots) -> None:
        self._slots = slots
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._begun = False

    def submit(self, job: Job) -> None:
        """Have a job done; it must not raise."""
        with self._changed:
            self._jobs.append(job)
            self._changed.notify_all()
            if not self._begun:
                self._begun = True
                self._begin()

    def withdraw(self, job: Job) -> None:
        """Have a job not done, if it has not begun."""
        with self._changed:
            if job in self._jobs:
                self._jobs.remove(job)

    def close(self) -> None:
        """End the threads after what they do now; jobs that have not begun are dropped."""
        with self._changed:
            self._closed = True
            self._jobs.clear()
            self._changed.notify_all()

    def _begin(self) -> None:
        for number in range(SLOTS):
            name = f"hash-{number}"
            threading.Thread(target=self._run, args=[number], name=name, daemon=True).start()

    def _run(self, number: int) -> None:
        _lower_priority()
        while self._wait_for_job():
            with self._slots.hold(number):
                job = self._take()
                if job is not None:
                    job()

    def _wait_for_job(self) -> bool:
        """Wait until there is a job; return False once there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed)
            return not self._closed

    def _take(self) -> Job | None:
        with self._changed:
            return self._jobs.popleft() if self._jobs else None


def _lower_priority() -> None:
    """Let all other threads of the machine go first, where a thread has a priority of its own."""
    if sys.platform != "linux":
        return
    thread = threading.get_native_id()
    nice = os.getpriority(os.PRIO_PROCESS, thread) + _NICER
    with contextlib.suppress(OSError):  # a sandbox may forbid it
        os.setpriority(os.PRIO_PROCESS, thread, min(nice, _NICEST))
