"""``chat-gateway demo``: runs a cluster on this machine: Redis, nodes, and the desktop client."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import trio

from gateway.embedded_redis import find_redis
from gateway.process import signals, stdio

START_SECONDS: Final = 20.0
"""Seconds in which all nodes must be ready."""
STOP_SECONDS: Final = 15.0
"""Seconds that clients, nodes and Redis each may take to end."""
_POLL_SECONDS: Final = 0.05


class CannotDemo(Exception):
    """A part of the demo is missing or did not start; the text is one line for the user."""


async def run_demo(nodes: int, first_port: int, with_client: bool) -> None:  # noqa: FBT001
    """Run the cluster until a signal ends it, then stop all of it in order.

    A closed terminal ends it, too, unless SIGHUP is ignored, as under nohup.

    :raises NoRedis: if no Redis server is found.
    :raises CannotDemo: if a part of it cannot be started.
    """
    redis_server = await find_redis()
    ports = range(first_port, first_port + nodes)
    ending = signals.ENDING + signals.hang_up_ends()
    with (
        tempfile.TemporaryDirectory(prefix="chat-demo-") as folder,
        signals.receive(*{*ending, *signals.HARMLESS}) as received,
    ):
        async with trio.open_nursery() as nursery:
            redis = await _start(nursery, _redis_command(redis_server, Path(folder)), redis_server)
            serving = [
                await _start(nursery, _node_command(port, Path(folder)), f"the node on {port}")
                for port in ports
            ]
            with trio.move_on_after(START_SECONDS) as starting:
                for port in ports:
                    await _wait_until_ready(port)
            if starting.cancelled_caught:
                raise CannotDemo("the nodes did not become ready")
            urls = [f"ws://127.0.0.1:{port}/ws" for port in ports]
            _print(_welcome(urls))
            clients = [await _open_client(nursery, urls)] if with_client and _has_display() else []
            async for number in received:
                if number in ending:
                    break
            _print("\nStopping.\n")
            for group in (clients, serving, [redis]):
                await _stop(group)
            nursery.cancel_scope.cancel()


def _redis_command(program: str, folder: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(folder / "redis.sock"),
        "save": "",
        "dir": str(folder),
    }
    return [program, *(part for key, value in options.items() for part in (f"--{key}", value))]


def _node_command(port: int, folder: Path) -> list[str]:
    return [
        sys.executable, "-m", "gateway", "serve", "--port", str(port), "--node-name",
        f"node-{port}", "--redis", f"unix://{folder / 'redis.sock'}", "--log-level", "error",
    ]  # fmt: skip


async def _start(nursery: trio.Nursery, command: list[str], what: str) -> trio.Process:
    """Start a part of the cluster, without the terminal's Ctrl-C; if it fails, so does the demo."""
    process = await trio.lowlevel.open_process(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
    )

    async def watch() -> None:
        try:
            status = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
        if status > 0:
            raise CannotDemo(f"{what} ended with status {status}")

    nursery.start_soon(watch)
    return process


async def _open_client(nursery: trio.Nursery, urls: Sequence[str]) -> trio.Process:
    """Open the desktop client; closing its window does not end the cluster."""
    command = [sys.executable, "-m", "client", *urls]
    process = await trio.lowlevel.open_process(command, start_new_session=True)

    async def watch() -> None:
        if await process.wait() > 0:
            _print("The desktop client could not run; the cluster goes on.\n")

    nursery.start_soon(watch)
    return process


async def _stop(processes: Sequence[trio.Process]) -> None:
    for process in processes:
        if process.returncode is None:
            process.terminate()
    with trio.move_on_after(STOP_SECONDS):
        for process in processes:
            await process.wait()


async def _wait_until_ready(port: int) -> None:
    while not await _is_ready(port):  # noqa: ASYNC110 - another process has no event for us
        await trio.sleep(_POLL_SECONDS)


async def _is_ready(port: int) -> bool:
    try:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return b" 200 " in await stream.receive_some(64)
    except OSError:
        return False


def _has_display() -> bool:
    return sys.platform in {"win32", "darwin"} or bool(os.environ.get("DISPLAY"))


def _print(text: str) -> None:
    """Print something; the cluster goes on even if nobody can read it."""
    with contextlib.suppress(stdio.CannotPrint):
        stdio.print_now(text)


def _welcome(urls: Sequence[str]) -> str:
    places = "\n".join(f"  node {number}  {url}" for number, url in enumerate(urls, 1))
    client = f"{sys.executable} -m client {urls[-1]} --nick Bob"
    tool = f"{sys.executable} -m websockets {urls[0]}"
    return (
        f"A cluster of {len(urls)} nodes is up:\n{places}\n\n"
        f"Join from another terminal, with a window:\n  {client}\n"
        f"or with any WebSocket tool:\n  {tool}\n"
        '  {"type":"hello","nick":"Carol"}\n'
        '  {"type":"join","id":"1","room":"lobby"}\n'
        '  {"type":"send","id":"2","room":"lobby","text":"Hello!"}\n\n'
        "Ctrl-C ends all of it.\n"
    )
