"""A node whose standard files are somewhere else than its tests would like them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from tests.nodes import NodeProcess
from tests.ports import free_port
from tests.redis_server import RedisServer
from tests.websocket import connect


@asynccontextmanager
async def redirected_node(
    redis_server: RedisServer, redirection: str = "", stderr: int = subprocess.PIPE
) -> AsyncIterator[NodeProcess]:
    """Run a node that is ready, with a shell's redirection such as ``2>&-``.

    Its ``log`` stays empty; where standard error is a pipe, nobody reads it.
    """
    port = free_port()
    command = [sys.executable, "-m", "gateway", "serve", "--port", str(port)]
    command += ["--log-format", "json"]
    process = await trio.lowlevel.open_process(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *command],
        stderr=stderr,
        env=os.environ | {"CHAT_REDIS": redis_server.url},
    )
    try:
        node = NodeProcess(process)
        node.port = port
        await node.ready()
        yield node
    finally:
        if process.returncode is None:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()


async def talk(node: NodeProcess, nick: str) -> None:
    """Come in, say something and hear it, and go."""
    async with connect(node.url, nick) as client:
        await client.join()
        await client.say({"type": "send", "room": "lobby", "text": "Hello!", "id": "s"})
        assert (await client.hear_type("message"))["text"] == "Hello!"


def open_files(node: NodeProcess) -> dict[int, str]:
    """What a node's file descriptors are; only on Linux."""
    found = {}
    for link in Path(f"/proc/{node.process.pid}/fd").iterdir():
        try:
            found[int(link.name)] = str(link.readlink())
        except FileNotFoundError:
            continue  # closed meanwhile
    return found
