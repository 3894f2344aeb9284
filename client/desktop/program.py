"""The program: it looks around, opens the window, and runs until that is closed."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from client.desktop.app import App
from client.desktop.settings.preferences import Look, remembered
from client.desktop.settings.servers import with_given
from client.desktop.theme.palette import Mode
from client.desktop.theme.system_appearance import system_dpi, system_mode
from client.desktop.theme.theme import open_root
from client.desktop.tk import host


def run_desktop(
    urls: Sequence[str],
    *,
    room: str | None = None,
    nick: str | None = None,
    look: Look | None = None,
) -> None:
    """Open the window, and return when the person has closed it.

    What is not given is as the person left it.

    :raises tkinter.TclError: if there is no display.
    """
    kept = remembered()
    if urls:
        servers, name = with_given(kept.preferences.servers, urls)
        kept.change(servers=servers, server=name)
    if look:
        kept.change(look=look)
    mode, dpi = trio.run(_look_around, kept.preferences.look)
    root, theme = open_root("Chat", mode, size=kept.preferences.font_size, dpi=dpi)
    host.run(root, App(root, theme, kept, room=room, nick=nick).run)


async def _look_around(look: Look) -> tuple[Mode, float | None]:
    """Give what has to be known before there is a window."""
    return await system_mode() if look == "system" else look, await system_dpi()
