"""``chat-gateway demo``: runs a cluster on this machine: Redis, nodes, and the desktop client."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Container, Sequence
from pathlib import Path
from typing import Final

import trio

from gateway.config import BadSetting
from gateway.embedded_redis import find_redis
from gateway.net.binding import CannotListen, open_listeners
from gateway.process import signals, stdio

START_SECONDS: Final = 20.0
"""Seconds in which all nodes must be ready."""
STOP_SECONDS: Final = 15.0
"""Seconds that clients, nodes and Redis each may take to end."""
HIGHEST_PORT: Final = 65535
_POLL_SECONDS: Final = 0.05
_HOST: Final = "localhost"
_SOCKET: Final = "redis.sock"
_LONGEST_SOCKET_PATH: Final = 103
"""Bytes: macOS allows no more; Linux 107."""


class CannotDemo(Exception):
    """A part of the demo is missing or did not start; the text is one line for the user."""


async def run_demo(nodes: int, first_port: int, with_client: bool) -> None:  # noqa: FBT001
    """Run the cluster until a signal ends it, then stop all of it in order.

    A closed terminal ends it, too, unless SIGHUP is ignored, as under nohup.

    :raises NoRedis: if no Redis server is found.
    :raises BadSetting: if this user may not listen on the first port.
    :raises CannotDemo: if a part of it cannot be started, or none is left.
    """
    redis_server = await find_redis()
    ports, taken = await _free_ports(nodes, first_port)
    if taken:
        _print(f"Taken by other programs: port {_listed(taken)}.\n\n")
    ending = signals.ENDING + signals.hang_up_ends()
    with (
        tempfile.TemporaryDirectory(prefix="chat-demo-") as folder,
        signals.receive(*{*ending, *signals.HARMLESS}) as received,
    ):
        async with trio.open_nursery() as nursery:
            demo = _Demo(nursery, Path(folder), ports)
            nursery.start_soon(demo.end_on, received, ending)
            try:
                with demo.running:
                    await demo.start(redis_server)
                    _print(demo.welcome())
                    if with_client and _has_display():
                        await demo.open_window()
                    await trio.sleep_forever()
                _print("\nStopping.\n")
            finally:
                with trio.CancelScope(shield=True):
                    await demo.stop()
            nursery.cancel_scope.cancel()


async def _free_ports(count: int, first: int) -> tuple[list[int], list[int]]:
    """Return the first free ports from ``first`` on, and those before the last that are taken."""
    free: list[int] = []
    taken: list[int] = []
    for port in range(first, HIGHEST_PORT + 1):
        try:
            for listener in await open_listeners(_HOST, port):
                listener.close()
            free.append(port)
        except CannotListen as error:
            if not error.taken:
                raise BadSetting(f"--port: {error}") from error
            taken.append(port)
        if len(free) == count:
            return free, taken
    raise CannotDemo(
        f"of the ports {first} to {HIGHEST_PORT} only {len(free)} are free, for {count} nodes: "
        "choose a lower --port"
    )


class _Demo:
    """The processes of a demo, each of which may end at any time."""

    def __init__(self, nursery: trio.Nursery, folder: Path, ports: Sequence[int]) -> None:
        self._nursery, self._folder = nursery, folder
        self._urls = {port: f"ws://127.0.0.1:{port}/ws" for port in ports}
        self._nodes: dict[int, trio.Process] = {}
        """The nodes that run, by their ports."""
        self._redis: list[trio.Process] = []
        self._windows: list[trio.Process] = []
        self._ready = self._stopping = False
        self.running = trio.CancelScope()
        """Cancelled when the demo is to end."""

    async def start(self, redis_server: str) -> None:
        """Start Redis and the nodes, and wait until all of them are ready."""
        _check_path(self._folder / _SOCKET)
        command = _redis_command(redis_server, self._folder)
        redis = await _open_process(command)
        self._redis.append(redis)
        self._nursery.start_soon(self._watch_redis, redis, redis_server)
        for port in self._urls:
            node = await _open_process(_node_command(port, self._folder))
            self._nodes[port] = node
            self._nursery.start_soon(self._watch_node, port, node)
        with trio.move_on_after(START_SECONDS) as starting:
            for port in self._urls:
                await _wait_until_ready(port)
        if starting.cancelled_caught:
            raise CannotDemo("the nodes did not become ready")
        self._ready = True

    async def open_window(self) -> None:
        """Open the desktop client."""
        command = [sys.executable, "-m", "client", *self._urls.values()]
        window = await trio.lowlevel.open_process(command, start_new_session=True)
        self._windows.append(window)
        self._nursery.start_soon(self._watch_window, window)

    async def end_on(self, received: AsyncIterator[int], ending: Container[int]) -> None:
        """End the demo at the first of these signals."""
        async for number in received:
            if number in ending:
                self.running.cancel()

    async def stop(self) -> None:
        """Stop the window, then the nodes, then Redis."""
        self._stopping = True
        for group in (self._windows, list(self._nodes.values()), self._redis):
            await _stop(group)

    def welcome(self) -> str:
        """Return what to do with the cluster now that it is up."""
        places = "\n".join(f"  node-{port}  {url}" for port, url in self._urls.items())
        kills = "\n".join(f"  kill {node.pid}  # node-{p}" for p, node in self._nodes.items())
        tool = [sys.executable, "-m", "websockets", next(iter(self._urls.values()))]
        return (
            f"A cluster of {len(self._urls)} nodes is up:\n{places}\n\n"
            f"Join from another terminal, with a window:\n  {self._window_command('Bob')}\n"
            f"or with any WebSocket tool:\n  {shlex.join(tool)}\n"
            '  {"type":"hello","nick":"Carol"}\n'
            '  {"type":"join","id":"1","room":"lobby"}\n'
            '  {"type":"send","id":"2","room":"lobby","text":"Hello!"}\n\n'
            "End a node by hand, and watch its windows move to another one:\n"
            f"{kills}\n\n"
            "Ctrl-C ends all of it.\n"
        )

    def _window_command(self, nick: str = "") -> str:
        """Return the command that opens a window which knows every node that runs."""
        urls = [self._urls[port] for port in reversed(self._nodes)]
        return shlex.join(
            [sys.executable, "-m", "client", *urls, *(["--nick", nick] if nick else [])]
        )

    # --- what may end -------------------------------------------------------------------------

    async def _watch_redis(self, redis: trio.Process, program: str) -> None:
        status = await redis.wait()
        if not self._stopping:
            raise CannotDemo(f"{program} ended {_how(status)}")

    async def _watch_node(self, port: int, node: trio.Process) -> None:
        status = await node.wait()
        if self._stopping:
            return
        if not self._ready:
            raise CannotDemo(f"the node on {port} ended {_how(status)}")
        del self._nodes[port]
        _print(f"\nnode-{port} ended {_how(status)}; {len(self._nodes)} run on.\n")
        if not self._nodes:
            raise CannotDemo("no node is left")

    async def _watch_window(self, window: trio.Process) -> None:
        """Say how to open another one; end the demo where nobody could."""
        status = await window.wait()
        if self._stopping:
            return
        if status > 0:
            _print(f"\nThe desktop client ended {_how(status)}; the cluster runs on.\n")
            return
        _print(f"\nThe window is closed. To open another one:\n  {self._window_command()}\n")
        if _has_terminal():
            _print("Ctrl-C ends the cluster.\n")
        else:
            self.running.cancel()


def _check_path(socket: Path) -> None:
    """Check that Redis can listen on a Unix socket; :raises CannotDemo: if its path is too long."""
    if len(os.fsencode(socket)) > _LONGEST_SOCKET_PATH:
        raise CannotDemo(
            f"the path of the folder for temporary files is too long ({socket.parents[1]}): "
            "set TMPDIR to a folder with a shorter one"
        )


def _redis_command(program: str, folder: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(folder / _SOCKET),
        "save": "",
        "dir": str(folder),
    }
    return [program, *(part for key, value in options.items() for part in (f"--{key}", value))]


def _node_command(port: int, folder: Path) -> list[str]:
    return [
        sys.executable, "-m", "gateway", "serve", "--host", _HOST, "--port", str(port),
        "--node-name", f"node-{port}", "--redis", f"unix://{folder / _SOCKET}",
        "--log-level", "error",
    ]  # fmt: skip


async def _open_process(command: Sequence[str]) -> trio.Process:
    """Start a part of the cluster, without the terminal's Ctrl-C."""
    return await trio.lowlevel.open_process(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
    )


async def _stop(processes: Sequence[trio.Process]) -> None:
    """End processes with SIGTERM, and with SIGKILL those that take longer than `STOP_SECONDS`."""
    for process in processes:
        if process.returncode is None:
            process.terminate()
    with trio.move_on_after(STOP_SECONDS):
        for process in processes:
            await process.wait()
    for process in processes:
        if process.returncode is None:
            process.kill()
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


def _has_terminal() -> bool:
    """Return whether somebody can see what is printed, and press Ctrl-C."""
    return any(os.isatty(fd) for fd in range(3))


def _how(status: int) -> str:
    return f"with status {status}" if status >= 0 else f"by {signals.name_of(-status)}"


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _print(text: str) -> None:
    """Print something; the cluster goes on even if nobody can read it."""
    with contextlib.suppress(stdio.CannotPrint):
        stdio.print_now(text)
