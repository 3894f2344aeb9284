"""Completion of commands, emoji and nicknames: from a list while typing, or by Tab."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from client.i18n.texts import _
from client.model.commands import COMMANDS, begun
from client.text.emoji import complete_emoji, typed_emoji
from client.text.visible import shown_line
from gateway.wire.text.code import ends_in_code
from gateway.wire.text.words import fold, is_word_border

_MOST_OFFERED: Final = 8
_MOST_BEGUN: Final = 64
"""How many characters before the cursor may be the start of a name."""
_AT: Final = re.compile(r"[@\uff20]([^\s@\uff20]*)$")
_BEGUN: Final = re.compile(r"[@\uff20]?([^\s@\uff20]*)$")


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
    at = _AT.search(before)
    if at is None or ends_in_code(before) or _is_in_address(before[: at.start()]):
        return []
    folded, size = fold(at[1]), len(at[0])
    end = ": " if size == len(before) else " "
    named = ((fold(nick), nick) for nick in nicks)
    fitting = [(name, nick) for name, nick in named if name.startswith(folded)]
    fitting.sort(key=lambda pair: pair[0] != folded)
    if [name for name, _nick in fitting] == [folded]:
        return []
    return [
        Completion(shown_line(nick), nick + end, size, nick=nick)
        for _name, nick in fitting[:_MOST_OFFERED]
    ]


def _is_in_address(before: str) -> bool:
    """Return whether an at sign behind this text is that of an e-mail address."""
    return not is_word_border(f"{before[-_MOST_BEGUN:]}a", len(before[-_MOST_BEGUN:]))


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
        before, self._rest = text[:cursor], text[cursor:]
        self._start, self._fitting = cursor, []
        if before.startswith("/") and not re.search(r"\s", before):
            names = (f"/{command.name} " for command in COMMANDS)
            self._start = 0
            self._fitting = [name for name in names if name.startswith(before.casefold())]
            return
        folded = [(fold(nick), nick) for nick in nicks]
        for start, beginning in _beginnings(before):
            end, wanted = ": " if start == 0 else " ", fold(beginning)
            fitting = [nick + end for name, nick in folded if name.startswith(wanted)]
            if wanted and fitting:
                self._start, self._fitting = start, fitting
                return


def _beginnings(before: str) -> Iterator[tuple[int, str]]:
    """Yield where the name before the cursor may begin, and what there is of it, longest first.

    Where words are written without spaces, there are several such places.
    """
    found = _BEGUN.search(before, max(0, len(before) - _MOST_BEGUN))
    if found is None:
        return
    yield found.start(), found[1]
    if found.start() == found.start(1):
        for place in range(found.start() + 1, len(before)):
            if is_word_border(before, place):
                yield place, before[place:]
