"""Pictures of the client in each of its states: ``python -m tests.desktop.screenshots OUT``.

A window and others on nodes of a real cluster, on a screen of its own; nothing outside is touched.
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

from client.emoji import with_emoji
from client.session import Session, open_session
from tests.desktop.ears import hear
from tests.desktop.screen import XWindow, find_tool, virtual_screen
from tests.harness import Cluster, open_cluster
from tests.redis_server import RedisServer

WIDTH, HEIGHT = 960, 640


def main(arguments: Sequence[str] | None = None) -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description="Take pictures of the client in each state.")
    parser.add_argument("out", type=Path, help="the folder to write PNG files to")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    with virtual_screen(f"{WIDTH}x{HEIGHT}") as display:
        os.environ["DISPLAY"] = display
        trio.run(_take_all, options.out)


async def _take_all(out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with RedisServer(Path(folder)) as redis, open_cluster(redis, 2) as cluster:
            for theme in ("light", "dark"):
                os.environ["XDG_CONFIG_HOME"] = f"{folder}/{theme}"
                await _picture_signing_in(cluster, out, theme)
                await _picture_talking(cluster, out, theme)
                await cluster.add_node()


async def _picture_signing_in(cluster: Cluster, out: Path, theme: str) -> None:
    url = cluster.urls[-1]
    async with open_session([url], nick=f"alice-{theme}"), _client(url, "--theme", theme):
        window = await XWindow.find()
        await _take(out / f"nickname-{theme}.png")
        await window.press("ctrl+a")
        await window.type(f"alice-{theme}\n")
        await _take(out / f"nickname-taken-{theme}.png")


async def _picture_talking(cluster: Cluster, out: Path, theme: str) -> None:
    mine, other = cluster.urls[-1 if theme == "dark" else 0], cluster.urls[1]
    room = f"team-{theme}"
    me = {"light": "alice", "dark": "Amelie"}[theme]  # the first one is kept for a while
    async with (
        open_session([other], nick="bob") as bob,
        open_session([other], nick="Carol") as carol,
        open_session([other], nick="dave-the-deployer") as dave,
    ):
        people = {"bob": bob, "Carol": carol, "dave": dave}
        for person in people.values():
            await person.join(room)
            await person.join("deploys")
        await dave.set_status("busy", "deploying")
        for number in range(40):
            await bob.send(room, f"An earlier line, number {number + 1}.")
        async with _client(mine, "--nick", me, "--theme", theme, "--room", room):
            window = await XWindow.find(f"{me} in #{room}")
            await window.type("/join deploys\n")
            await XWindow.find(f"{me} in #deploys")
            await window.press("alt+Up")
            await XWindow.find(f"{me} in #{room}")
            for nick, text in _CONVERSATION:
                if nick == "alice":
                    await window.type(f"{text}\n")
                    with trio.fail_after(20):
                        await hear(carol, with_emoji(text))
                else:
                    await people[nick].send(room, text.replace("alice", me))
            await carol.set_status("away", "at lunch")
            await dave.send("deploys", f"{me}: v2.4 is out on all nodes.")
            await bob.direct(me, "Do you have a minute?")
            await bob.typing(room=room)
            await _take(out / f"conversation-{theme}.png")
            await window.type("/")
            await _take(out / f"commands-{theme}.png")
            await window.press("BackSpace", "F1")
            await _take(out / f"help-{theme}.png")
            await window.press("Escape", "ctrl+f")
            await window.type("node")
            await _take(out / f"search-{theme}.png")
            await window.press("Escape", "ctrl+k")
            await _take(out / f"switcher-{theme}.png")
            await window.press("Escape", "ctrl+j")
            await _take(out / f"join-{theme}.png")
            await window.press("Escape", "alt+Down", "alt+Down")
            await _take(out / f"direct-{theme}.png")
            await window.press("alt+Up", "alt+Up")
            await window.size(800, 600)
            await _take(out / f"small-{theme}.png")
            await window.press(*["ctrl+plus"] * 8)
            await _take(out / f"large-text-{theme}.png")
            await window.press("ctrl+0")
            await window.size(WIDTH, HEIGHT)
            await cluster.nodes[-1 if theme == "dark" else 0].kill()
            await window.type("Are you still there? I will be back in a moment.\n")
            await _take(out / f"reconnecting-{theme}.png")
        await _forget(people)


async def _forget(people: dict[str, Session]) -> None:
    for person in people.values():
        await person.close()


_CONVERSATION = (
    ("alice", "Good morning, everybody!"),
    ("bob", "Morning! I am on the other node; do you read me?"),
    ("alice", "Loud and clear."),
    ("Carol", "Me too. Every message has its place, whichever node one sits on."),
    ("Carol", "The page about it: https://example.org/wiki/Order_(chat)"),
    ("dave", "alice: node 1 restarts at noon. Your window moves by itself and misses nothing."),
    ("bob", "What about this: [exit] $x { \\o/"),
    ("alice", "It is just text :smile: See you at noon!"),
    ("Carol", "/me fetches some coffee"),
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
