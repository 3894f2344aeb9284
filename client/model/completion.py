"""Tab: what has been begun is completed, and the next time by the next that fits."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from client.model.commands import COMMANDS


@dataclass(frozen=True)
class _Typed:
    text: str
    cursor: int


class Completer:
    """Completes nicknames and commands; pressed again, it offers the next one."""

    def __init__(self) -> None:
        self._offered: _Typed | None = None
        self._start = 0
        self._rest = ""
        self._fitting: list[str] = []
        self._next = 0

    def complete(
        self, text: str, cursor: int, nicks: Iterable[str], *, backwards: bool = False
    ) -> tuple[str, int]:
        """Give the text with the word before the cursor completed, and where the cursor is then.

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
