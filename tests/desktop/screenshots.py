"""Pictures of the client in each of its states: ``python -m tests.desktop.screenshots OUT``.

A window and others on nodes of a real cluster, on a screen of its own; nothing outside is touched.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import trio

from client.session import ClientSession, open_session
from client.text.emoji import with_emoji
from gateway import wire
from tests import PATIENCE
from tests.desktop.account_screenshots import picture_accounts
from tests.desktop.camera import Camera, client
from tests.desktop.ears import hear
from tests.desktop.screen import XWindow, virtual_screen
from tests.nodes import Cluster, administer, open_cluster
from tests.redis_server import RedisServer

WIDTH, HEIGHT = 960, 640
SCALES = (1, 2)
"""Of the screen: usual, and twice as fine."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description="Take pictures of the client in each state.")
    parser.add_argument("out", type=Path, help="the folder to write PNG files to")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    for scale in SCALES:
        with virtual_screen(f"{WIDTH * scale}x{HEIGHT * scale}", dpi=96 * scale) as display:
            os.environ["DISPLAY"] = display
            os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
            trio.run(_take_all, options.out, scale)


async def _take_all(out: Path, scale: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with RedisServer(Path(folder)) as redis, open_cluster(redis, 2) as cluster:
            for theme in ("light", "dark"):
                os.environ["XDG_CONFIG_HOME"] = f"{folder}/{theme}"
                camera = Camera(out, theme, scale)
                await _picture_signing_in(cluster, camera)
                await _picture_talking(cluster, camera)
                await (await cluster.add_node()).ready()  # for the one that was killed
                await picture_accounts(cluster, camera, folder)
            os.environ["LANGUAGE"] = "de"
            await picture_accounts(cluster, Camera(out, "light", scale, "de"), folder)
            del os.environ["LANGUAGE"]


async def _picture_signing_in(cluster: Cluster, camera: Camera) -> None:
    url, taken = cluster.urls[-1], f"alice-{camera.theme}"
    async with (
        open_session([url], nick=taken),
        client(url, "--theme", camera.theme) as window,
    ):
        await camera.take("nickname")
        await window.press("ctrl+a")
        await window.type(f"{taken}\n")
        await camera.take("nickname-taken")
        await window.press("Tab", "space")
        await camera.take("server")


async def _picture_talking(cluster: Cluster, camera: Camera) -> None:
    mine, other = cluster.urls[-1 if camera.theme == "dark" else 0], cluster.urls[1]
    room = f"team-{camera.theme}"
    me = {"light": "alice", "dark": "Amelie"}[camera.theme]  # the first one is kept for a while
    async with (
        open_session([other], nick="bob") as bob,
        open_session([other], nick="Carol") as carol,
        open_session([other], nick="dave-the-deployer-of-them-all") as dave,
    ):
        people = {"bob": bob, "Carol": carol, "dave": dave}
        for person in people.values():
            await person.join(room)
            await person.join("deploys")
        await dave.set_status("busy", "deploying")
        for number in range(40):
            await bob.send(room, f"An earlier line, number {number + 1}.")
        arguments = (mine, "--nick", me, "--theme", camera.theme, "--room", room)
        async with client(*arguments, title=f"{me} in #{room}") as window:
            await window.type("/join deploys\n")
            await XWindow.find(f"{me} in #deploys")
            await window.press("ctrl+m", "alt+Up")
            await XWindow.find(f"{me} in #{room}")
            for nick, text in _CONVERSATION:
                if nick == "alice":
                    await window.type(f"{text}\n")
                    with trio.fail_after(PATIENCE):
                        await hear(carol, with_emoji(text))
                else:
                    await people[nick].send(room, text.replace("alice", me))
            await carol.set_status("away", "at lunch")
            await dave.send("deploys", "v2.4 is out on all nodes.")
            await bob.direct(me, "Do you have a minute?")
            await bob.typing(room=room)
            await _picture_window(camera, window)
            await camera.resize(window, WIDTH, HEIGHT)
            await administer("purge", "message", room, *_ERASED, redis=cluster.redis.url)
            await camera.take("erased")
            await dave.send(room, "\n".join(["wall"] * 100))
            await dave.send(room, "Sign in at https://apple.com@evil.com/login")
            await camera.take("folded")
            await window.press("F6", "F6", "Left", "Return")
            await camera.take("deceiving-link")
            await window.press("Escape")
            await cluster.nodes[-1 if camera.theme == "dark" else 0].kill()
            await window.type("Are you still there? I will be back in a moment.\n")
            await camera.take("reconnecting")
        await _forget(people)


async def _picture_window(camera: Camera, window: XWindow) -> None:
    await camera.click(window, 480, 634)  # the mouse is out of the way there
    await camera.take("conversation")
    await window.type("/")
    await camera.take("commands")
    await window.press("BackSpace")
    await window.type("Hello @")
    await camera.take("nicknames")
    await window.press(*["BackSpace"] * 7)
    await window.type(":coff")
    await camera.take("emoji")
    await window.press(*["BackSpace"] * 5, "F1")
    await camera.take("help")
    await window.press("Escape", "ctrl+f")
    await window.type("node")
    await camera.take("search")
    await window.press("Escape", "ctrl+k")
    await camera.take("switcher")
    await window.press("Escape", "ctrl+j")
    await camera.take("join")
    await window.press("Escape")
    await camera.click(window, 60, 580)
    await camera.take("menu")
    await window.press("Escape")
    await window.type(_LONG)
    await window.press(
        "ctrl+slash", "ctrl+c", *["ctrl+v"] * (wire.MAX_TEXT_BYTES // len(_LONG) + 1)
    )
    await camera.take("too-long")
    await window.press("ctrl+z", "ctrl+slash", "BackSpace", "Prior")
    await camera.take("further-up")
    await window.press("alt+End", "alt+Down", "alt+Down")
    await camera.take("direct")
    await window.press("alt+Up", "alt+Up")
    await camera.resize(window, 800, 600)
    await camera.take("small")
    await window.press(*["ctrl+plus"] * 8)
    await camera.take("large-text")
    await window.press("ctrl+0")


async def _forget(people: dict[str, ClientSession]) -> None:
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
    ("bob", "For me too, please."),
)  # fmt: skip


_LONG = "A log of a program, or so, of which somebody has pasted all there is. "

_ERASED = ("44", "45", "46", "49")
"""Some of it, by their seq: one of two that belong together, one with a link, a mention, an action.
"""


if __name__ == "__main__":
    main()
