"""Pictures of an account: registered in one window, signed in on another, signed out from there."""

from __future__ import annotations

from client.session import ClientSession, Password, open_session
from tests import PATIENCE
from tests.desktop.camera import Camera, client
from tests.desktop.screen import XWindow
from tests.nodes import Cluster
from tests.waiting import until

HASH_SECONDS = 2.7
"""How long the screen may keep still while a password is hashed; a cursor blinks meanwhile."""
PHRASE = "lavender tram 41 umbrella"


async def picture_accounts(cluster: Cluster, camera: Camera, folder: str) -> None:
    """Take the pictures, with the files of two computers in a folder."""
    first, second = [node.url for node in cluster.nodes if node.process.returncode is None][:2]
    kind = f"{camera.theme}{camera.language}"
    nick, room, other = f"ada-{kind}", f"ada-{kind}-team", f"ada-{kind}-deploys"
    async with open_session([second], nick="Grace") as grace:
        await grace.join(room)
        await grace.join(other)
        arguments = ("--theme", camera.theme)
        async with client(first, *arguments, "--room", room, config=f"{folder}/{kind}-1") as window:
            await _register(camera, window, nick)
            await XWindow.find(f"{nick} in #{room}")
            await window.type("Hello, I am here to stay.\n")
            await window.type(f"/join {other}\n")
            await XWindow.find(f"{nick} in #{other}")
            await window.press("alt+Down")
            await XWindow.find(f"{nick} in #{room}")
            await grace.direct(nick, "Do you have a minute?")
            await camera.take("account-registered")
            async with client(second, *arguments, config=f"{folder}/{kind}-2") as beside:
                await _picture_second(camera, beside, (nick, room, other), grace, first)
    await grace.close()


async def _register(camera: Camera, window: XWindow, nick: str) -> None:
    await window.type(nick)
    await window.press("shift+Tab", "space")
    await window.type("ada2024")
    await camera.take("account-register-weak")
    await window.press("ctrl+a")
    await window.type(PHRASE)
    await camera.take("account-register")
    await window.press("Return")


async def _picture_second(
    camera: Camera,
    window: XWindow,
    names: tuple[str, str, str],
    grace: ClientSession,
    url: str,
) -> None:
    nick, room, other = names
    await window.type(nick)
    await window.press("shift+Tab", "shift+Tab", "space")
    await window.type("not the right one\n")
    await camera.take("account-wrong-password", HASH_SECONDS)
    await window.press("ctrl+a")
    await window.type(f"{PHRASE}\n")
    await camera.take("account-signed-in", HASH_SECONDS)
    async with open_session([url], Password(nick, PHRASE, "phone")) as phone:
        await until(lambda: {room, other} <= set(phone.rooms), "the rooms", PATIENCE)
        await grace.send(room, f"{nick}: is it you?")
        read = {room: await grace.send(room, "Hello?")}
        await grace.send(other, f"{nick}: v3 is out.")
        read[other] = await grace.send(other, "It was quick.")
        await camera.take("account-unread")
        for each, seq in read.items():
            await phone.account.mark_read(seq, room=each)
        await camera.take("account-read-elsewhere")
        await window.press("F2")
        for section in ("devices", "password", "sign-out", "delete"):
            await camera.take(f"account-{section}")
            await window.press("Down")
        await window.press("Escape")
        await window.type("Half a sen")
        await phone.account.revoke_others()
        await camera.take("account-signed-out", HASH_SECONDS)
        await window.type(f"{PHRASE}\n")
        await camera.take("account-nothing-lost", HASH_SECONDS)
