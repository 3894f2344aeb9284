"""The demo, when its terminal is closed: nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from tests.demo import HASH_SLOTS
from tests.http import http_get
from tests.ports import free_port
from tests.waiting import until


async def is_up(port: int) -> bool:
    try:
        return (await http_get(port, "/readyz"))[0] == 200
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM])
@pytest.mark.parametrize("readers", ["there", "gone"])
async def test_a_signal_ends_all_of_it(
    tmp_path: Path, number: signal.Signals, readers: str
) -> None:
    port = free_port()
    command = ["-m", "gateway", "demo", "--no-client", "--nodes", "1", "--port"]
    process = await trio.lowlevel.open_process(
        [sys.executable, *command, str(port)],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    if readers == "gone":
        await process.stdout.aclose()
        await process.stderr.aclose()
    try:
        await until(lambda: is_up(port), "the demo to be up")
        process.send_signal(signal.SIGUSR1)
        process.send_signal(number)
        with trio.fail_after(60):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.terminate()
    assert not await is_up(port)
    left = set(os.listdir(tmp_path))  # noqa: PTH208
    assert left <= {HASH_SLOTS}, "its Redis has gone, and what it wrote"
    if readers == "there":
        assert b"".join([chunk async for chunk in process.stderr]) == b""
        assert b"Stopping." in b"".join([chunk async for chunk in process.stdout])
