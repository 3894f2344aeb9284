"""A real sentinel for tests."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from gateway.demo import find_redis
from tests.redis_server import free_port


@asynccontextmanager
async def sentinel(
    folder: Path, primary: int, *, quorum: int = 2, listen: str = "port {port}"
) -> AsyncIterator[int]:
    """Run a sentinel that watches a primary on localhost by the name ``chat``; gives its port.

    ``listen`` is what its configuration says of its port, and of who may come to it.
    """
    port = free_port()
    configuration = folder / "sentinel.conf"
    await trio.Path(folder).mkdir()
    await trio.Path(configuration).write_text(
        f"{listen.format(port=port)}\nbind 127.0.0.1\ndir {folder}\n"
        f"sentinel monitor chat 127.0.0.1 {primary} {quorum}\n"
        "sentinel down-after-milliseconds chat 1000\nsentinel failover-timeout chat 3000\n"
    )
    process = await trio.lowlevel.open_process(
        [find_redis(), str(configuration), "--sentinel"],
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    try:
        yield port
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
