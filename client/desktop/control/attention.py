"""Calling for attention: the bell, a notification of the desktop, what is unread in the title."""

from __future__ import annotations

import html
import math
import shutil
import subprocess
import time
import tkinter as tk
from collections.abc import Callable, Collection
from typing import Final

import trio

from client.i18n.texts import _
from client.model import Chat, shown, shown_line

_PATIENCE: Final = 5.0
_MOST_TEXT: Final = 300
_BETWEEN_BELLS: Final = 2.0


class Bell:
    """The bell of the screen; what comes in a burst rings it once."""

    def __init__(self, root: tk.Tk) -> None:
        self._root = root
        self._rung_at = -math.inf

    def ring(self) -> None:
        """Ring, unless it just did."""
        now = time.monotonic()
        if now - self._rung_at >= _BETWEEN_BELLS:
            self._rung_at = now
            self._root.bell()


async def notify(title: str, text: str) -> bool:
    """Show a notification where the desktop can; gives whether it could.

    Nothing in either text is taken for an option or for markup.
    """
    program = shutil.which("notify-send")
    if program is None:
        return False
    body = html.escape(shown(text)[:_MOST_TEXT], quote=False)
    command = [program, "--app-name=Chat", "--", shown_line(title)[:_MOST_TEXT], body]
    with trio.move_on_after(_PATIENCE):
        try:
            done = await trio.run_process(
                command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        except OSError:
            return False
        return done.returncode == 0
    return False


class Caller:
    """Calls for whoever has turned away, when there are more mentions or direct messages."""

    def __init__(
        self, call: Callable[[str, str], None], muted: Callable[[], Collection[str]]
    ) -> None:
        self._call, self._muted = call, muted
        self._told: tuple[int, str] | None = None

    def look(self, chat: Chat) -> None:
        """Call if there is something new that is not muted, with who says it where, and what."""
        muted = self._muted()
        calling = [c for c in chat.conversations.values() if c.place.title not in muted]
        calls = [(c.call, c.place) for c in calling if c.mentions and c.call is not None]
        said, place = max(calls, key=lambda call: call[0].at, default=(None, None))
        name = None if said is None else (said.at, said.id)
        is_told, self._told = name == self._told, name
        if said is None or place is None or said.erased:
            return
        if not is_told and not chat.attended:
            title = _("{nick} in {place}").format(nick=said.sender, place=place.title)
            text = f"{said.sender} {said.text}" if said.action else said.text
            self._call(said.sender if place.direct else title, text)


def title_with_unread(title: str, unread: int) -> str:
    """Give the window's title with how many messages call for attention."""
    return f"({unread}) {title}" if unread else title
