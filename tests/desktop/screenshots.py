"""Pictures of the client in each of its states: ``python -m tests.desktop.screenshots OUT``.

Two windows on two nodes of a real cluster, on a screen of their own; nothing outside is touched.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from client.session import open_session
from tests.desktop.ears import hear
from tests.desktop.screen import XWindow, find_tool, virtual_screen
from tests.harness import Cluster, open_cluster
from tests.redis_server import RedisServer

WIDTH, HEIGHT, BETWEEN = 960, 640, 16


def main(arguments: Sequence[str] | None = None) -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description="Take pictures of the client in each state.")
    parser.add_argument("out", type=Path, help="the folder to write PNG files to")
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    with virtual_screen(f"{2 * WIDTH + BETWEEN}x{HEIGHT}") as display:
        os.environ["DISPLAY"] = display
        trio.run(_take_all, options.out, options.theme)


async def _take_all(out: Path, theme: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CONFIG_HOME"] = folder  # nothing is remembered of whoever runs this
        async with RedisServer(Path(folder)) as redis, open_cluster(redis, 2) as cluster:
            await _picture_signing_in(cluster, out, theme)
            await _picture_talking(cluster, out, theme)


async def _picture_signing_in(cluster: Cluster, out: Path, theme: str) -> None:
    async with (
        open_session(cluster.urls, nick="alice"),
        _client(cluster.urls[0], "--theme", theme),
    ):
        window = await XWindow.find()
        await _take(out / "nickname.png", f"{WIDTH}x{HEIGHT}+0+0")
        await window.type("alice\n")
        await _take(out / "nickname-taken.png", f"{WIDTH}x{HEIGHT}+0+0")


async def _picture_talking(cluster: Cluster, out: Path, theme: str) -> None:
    first, second = cluster.urls
    async with (
        _client(first, "--nick", "alice", "--theme", theme),
        _client(second, "--nick", "Bob", "--theme", theme),
    ):
        windows = {nick: await XWindow.find(f"{nick} in #lobby") for nick in ("alice", "Bob")}
        await windows["alice"].move(0, 0)
        await windows["Bob"].move(WIDTH + BETWEEN, 0)
        async with (
            open_session([second], nick="Carol") as carol,
            open_session([first], nick="dave-the-deployer") as dave,
        ):
            await carol.join("lobby")
            await dave.join("lobby")
            others = {"Carol": carol, "dave": dave}
            for nick, text in _CONVERSATION:
                if nick in windows:
                    await windows[nick].type(f"{text}\n")
                    with trio.fail_after(20):
                        await hear(carol, text)
                else:
                    await others[nick].send("lobby", text)
            await _take(out / "conversation.png")
            await cluster.nodes[0].kill()
            await windows["alice"].type("Are you still there? I will be back in a moment.\n")
            await _take(out / "reconnecting.png")


_CONVERSATION = (
    ("alice", "Good morning, everybody!"),
    ("Bob", "Morning, Alice. I am on the other node; do you read me?"),
    ("alice", "Loud and clear."),
    ("Carol", "Me too. Every message has its place, whichever node one sits on."),
    ("dave", "Node 1 restarts at noon. Your windows will move by themselves and miss nothing."),
    ("Bob", "What about this: [exit] $x { \\o/"),
    ("alice", "It is just text. See you at noon!"),
)  # fmt: skip


@asynccontextmanager
async def _client(*arguments: str) -> AsyncIterator[None]:
    process = await trio.lowlevel.open_process([sys.executable, "-m", "client", *arguments])
    try:
        yield
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


async def _take(path: Path, part: str = "") -> None:
    """Take a picture of the screen, or a part of it, as soon as it keeps still."""
    before = b""
    while (now := await _picture(part)) != before:
        before = now
        await trio.sleep(0.3)
    await trio.Path(path).write_bytes(now)
    sys.stdout.write(f"{path}\n")


async def _picture(part: str) -> bytes:
    crop = ["-crop", part, "+repage"] if part else []
    command = [find_tool("import"), "-window", "root", *crop, "-strip", "png:-"]
    return (await trio.run_process(command, capture_stdout=True)).stdout


if __name__ == "__main__":
    main()
