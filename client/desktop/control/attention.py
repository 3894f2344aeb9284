"""Calling for attention: notifications of the desktop, and unread messages in the title."""

from __future__ import annotations

import html
import shutil
import subprocess
from collections.abc import Callable, Collection
from typing import Final

import trio

from client.i18n.texts import _
from client.model import Chat, Conversation, MessageLine, shown, shown_line

PATIENCE_SECONDS: Final = 5.0
_MOST_TEXT: Final = 300
MOST_PER_MINUTE: Final = 10
"""How many notifications there are within a minute; each conversation causes one of them."""
_MINUTE: Final = 60_000


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
    conversations that cause none. What comes too soon after others waits for a later `look`, and
    is not called out if it has been read by then.
    """

    def __init__(
        self, call: Callable[[str, str], None], muted: Callable[[], Collection[str]]
    ) -> None:
        self._call, self._muted = call, muted
        self._known: dict[Conversation, MessageLine] = {}
        """The newest call of each conversation, if the person was told or has seen it."""
        self._called_at: dict[Conversation, int] = {}
        """The last notifications within a minute, by when they were, in Unix milliseconds."""

    def look(self, chat: Chat, now: int) -> None:
        """Notify of a call if it is new, not erased, and the window has no focus."""
        muted = self._muted()
        calling = {
            c: c.newest_mention
            for c in chat.conversations.values()
            if c.mentions and c.newest_mention is not None and c.title not in muted
        }
        fresh = {c: line for c, line in calling.items() if line != self._known.get(c)}
        self._known = {c: line for c, line in self._known.items() if c in calling}
        if chat.focused:
            self._known |= fresh
            return
        # A clock that was set back must not keep anything back for hours.
        since = {c: at for c, at in self._called_at.items() if now - _MINUTE < at <= now}
        self._called_at = since
        due = {c: line for c, line in fresh.items() if not line.erased and c not in since}
        for conversation, line in list(due.items())[: MOST_PER_MINUTE - len(since)]:
            self._known[conversation], since[conversation] = line, now
            self._call_out(conversation, line)

    def _call_out(self, conversation: Conversation, line: MessageLine) -> None:
        title = _("{nick} in {place}").format(nick=line.sender, place=conversation.title)
        text = f"{line.sender} {line.text}" if line.action else line.text
        self._call(line.sender if conversation.is_direct else title, text)


def title_with_unread(title: str, unread: int) -> str:
    """Return the title of the window with the number of unread messages in front, if any."""
    return f"({unread}) {title}" if unread else title
