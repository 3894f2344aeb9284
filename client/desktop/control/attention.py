"""Calling for attention: notifications of the desktop, and unread messages in the title."""

from __future__ import annotations

import html
import shutil
import subprocess
from collections.abc import Callable, Collection
from typing import Final

import trio

from client.i18n.texts import _
from client.model import Chat, shown, shown_line

PATIENCE_SECONDS: Final = 5.0
_MOST_TEXT: Final = 300


async def notify(title: str, text: str) -> bool:
    """Show a notification and return whether the desktop could.

    Neither text is interpreted as an option or as markup.
    """
    program = shutil.which("notify-send")
    if program is None:
        return False
    body = html.escape(shown(text)[:_MOST_TEXT], quote=False)
    command = [program, "--app-name=Chat", "--", shown_line(title)[:_MOST_TEXT], body]
    with trio.move_on_after(PATIENCE_SECONDS):
        try:
            done = await trio.run_process(
                command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        except OSError:
            return False
        return done.returncode == 0
    return False


class Notifier:
    """Notifies a person who is not at the window of new mentions and direct messages.

    ``call`` gets the title and the text of a notification. ``muted`` returns the titles of the
    conversations that cause none.
    """

    def __init__(
        self, call: Callable[[str, str], None], muted: Callable[[], Collection[str]]
    ) -> None:
        self._call, self._muted = call, muted
        self._newest: tuple[int, str] | None = None

    def look(self, chat: Chat) -> None:
        """Notify of the newest call if it is new, not erased, and the window has no focus."""
        muted = self._muted()
        calling = [
            (c.newest_mention, c)
            for c in chat.conversations.values()
            if c.mentions and c.newest_mention is not None and c.title not in muted
        ]
        line, conversation = max(calling, key=lambda pair: pair[0].at, default=(None, None))
        newest = None if line is None else (line.at, line.id)
        is_known, self._newest = newest == self._newest, newest
        if line is None or conversation is None or line.erased:
            return
        if not is_known and not chat.focused:
            title = _("{nick} in {place}").format(nick=line.sender, place=conversation.title)
            text = f"{line.sender} {line.text}" if line.action else line.text
            self._call(line.sender if conversation.is_direct else title, text)


def title_with_unread(title: str, unread: int) -> str:
    """Return the title of the window with the number of unread messages in front, if any."""
    return f"({unread}) {title}" if unread else title
