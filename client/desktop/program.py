"""Starting the desktop client: reads the preferences, opens the window, runs the app."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from client.desktop.app import App
from client.desktop.settings.preferences import Look, load_preferences
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

    What is not given is as it was the last time.

    :raises tkinter.TclError: if there is no display.
    """
    settings = load_preferences()
    if urls:
        servers, name = with_given(settings.preferences.servers, urls)
        settings.change(servers=servers, server=name)
    if look:
        settings.change(look=look)
    mode, dpi = trio.run(_look_around, settings.preferences.look)
    root, theme = open_root("Chat", mode, size=settings.preferences.font_size, dpi=dpi)
    host.run(root, App(root, theme, settings, room=room, nick=nick).run)


async def _look_around(look: Look) -> tuple[Mode, float | None]:
    """Return the look and the screen's resolution, which are needed before there is a window."""
    return await system_mode() if look == "system" else look, await system_dpi()
