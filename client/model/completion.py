"""Completion of commands, emoji and nicknames: from a list while typing, or by Tab."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from client.i18n.texts import _
from client.model.commands import COMMANDS, begun
from client.text.emoji import complete_emoji, typed_emoji

_MOST_OFFERED: Final = 8


@dataclass(frozen=True)
class Completion:
    """A completion: ``text`` replaces the last ``replaces`` letters before the cursor.

    It is displayed as its ``title`` with a ``note``, behind a ``symbol`` or the avatar of
    ``nick``.
    """

    title: str
    text: str
    replaces: int
    note: str = ""
    symbol: str = ""
    nick: str = ""


def completions(before: str, nicks: Iterable[str]) -> Sequence[Completion]:
    """Return the completions of the text before the cursor, best first; none if it is complete.

    There are completions of commands, of emoji after a colon, and of nicknames after ``@``.
    ``nicks`` come likeliest first.
    """
    if commands := begun(before):
        found = [
            Completion(
                f"/{c.name} {_(c.arguments) if c.arguments else ''}".rstrip(),
                f"/{c.name} ",
                len(before),
                note=_(c.description),
            )
            for c in commands
        ]
        return [] if before.casefold() == f"/{commands[0].name}" else found
    if (name := typed_emoji(before)) is not None:
        return [
            Completion(f":{short}:", emoji, len(name) + 1, symbol=emoji)
            for short, emoji in complete_emoji(name, _MOST_OFFERED)
        ]
    at = re.search(r"(?:^|\s)@([^\s@]*)$", before)
    if at is None:
        return []
    folded, size = at[1].casefold(), len(at[1]) + 1
    end = ": " if size == len(before) else " "
    fitting = [nick for nick in nicks if nick.casefold().startswith(folded)]
    fitting.sort(key=lambda nick: nick.casefold() != folded)
    if [nick.casefold() for nick in fitting] == [folded]:
        return []
    return [Completion(nick, nick + end, size, nick=nick) for nick in fitting[:_MOST_OFFERED]]


@dataclass(frozen=True)
class _Typed:
    text: str
    cursor: int


class Completer:
    """Completes nicknames and commands by Tab; each further Tab takes the next match."""

    def __init__(self) -> None:
        self._offered: _Typed | None = None
        self._start = 0
        self._rest = ""
        self._fitting: list[str] = []
        self._next = 0

    def complete(
        self, text: str, cursor: int, nicks: Iterable[str], *, backwards: bool = False
    ) -> tuple[str, int]:
        """Complete the word before the cursor; return the new text and the new cursor.

        ``nicks`` come likeliest first.
        """
        if self._offered != _Typed(text, cursor):
            self._begin(text, cursor, nicks)
            self._next = -1 if backwards else 0
        elif self._fitting:
            self._next = (self._next + (-1 if backwards else 1)) % len(self._fitting)
        if not self._fitting:
            return text, cursor
        word = self._fitting[self._next]
        cursor = self._start + len(word)
        text = text[: self._start] + word + self._rest
        self._offered = _Typed(text, cursor)
        return text, cursor

    def _begin(self, text: str, cursor: int, nicks: Iterable[str]) -> None:
        before = text[:cursor]
        found = re.search(r"@?([^\s@]*)$", before)
        begun = found[1] if found else ""
        self._start, self._rest = cursor - len(found[0] if found else ""), text[cursor:]
        folded = begun.casefold()
        if before.startswith("/") and self._start == 0:
            names = (f"/{command.name} " for command in COMMANDS)
            self._fitting = [name for name in names if name.startswith(folded)]
        else:
            end = ": " if self._start == 0 else " "
            fitting = (nick for nick in nicks if nick.casefold().startswith(folded))
            self._fitting = [nick + end for nick in fitting] if begun else []
