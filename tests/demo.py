"""The demo as a process, and what it prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import trio

from tests import PATIENCE
from tests.ports import free_port

HASH_SLOTS: Final = f"chat-gateway-{os.geteuid()}"
"""The folder of locks that all nodes of this user share (`gateway.credentials.hash_slots`)."""


class DemoProcess:
    """A ``chat-gateway demo``; what it has printed so far is ``printed``."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self.printed = ""

    async def prints(self, pattern: str) -> re.Match[str]:
        """Read until something is printed that matches; return the match."""
        assert self.process.stdout is not None
        with trio.fail_after(PATIENCE):
            while (found := re.search(pattern, self.printed, re.MULTILINE)) is None:
                chunk = await self.process.stdout.receive_some()
                assert chunk, f"ended without printing {pattern!r}: {self.printed}"
                self.printed += chunk.decode()
        return found

    async def up(self) -> dict[int, int]:
        """Wait until it is up; return the PID of each node by its port, as they are printed."""
        await self.prints(r"^Ctrl-C ends all of it\.\n")
        kills = re.findall(r"^  kill (\d+)  # node-(\d+)$", self.printed, re.MULTILINE)
        return {int(port): int(pid) for pid, port in kills}

    async def ends(self) -> int:
        """Wait until it has ended; return its status."""
        with trio.fail_after(PATIENCE):
            return await self.process.wait()


@asynccontextmanager
async def run_demo(
    *arguments: str, port: int | None = None, terminal: bool = False, temporary: str = ""
) -> AsyncIterator[DemoProcess]:
    """Run the demo; errors are printed, too.

    ``temporary`` is its folder for temporary files; if there is none given, it is one with a short
    path, which is empty again in the end.
    """
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        async with _run_demo(temporary or folder, arguments, port, terminal=terminal) as demo:
            yield demo
        left = set(os.listdir(folder))  # noqa: PTH208
        assert left <= {HASH_SLOTS}, "its Redis has gone, and what it wrote"


@asynccontextmanager
async def _run_demo(
    temporary: str, arguments: Sequence[str], port: int | None, *, terminal: bool
) -> AsyncIterator[DemoProcess]:
    near, far = os.openpty()
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "gateway", "demo", "--port", str(port or free_port()), *arguments],
        env=os.environ | {"TMPDIR": temporary},
        stdin=far if terminal else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    os.close(far)
    try:
        yield DemoProcess(process)
        if process.returncode is None:
            process.terminate()
            with trio.fail_after(PATIENCE):
                await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
            with trio.CancelScope(shield=True):
                await process.wait()
        os.close(near)
