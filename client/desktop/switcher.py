"""The quick switcher: a few letters of a name, Return, and one is there."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from tkinter import ttk
from typing import Final

from client.desktop.overlay import Overlay
from client.desktop.theme import GAP, Theme
from client.fuzzy import best_matches
from client.texts import _

_ROWS: Final = 8
_MOST_SHOWN: Final = 100
"""Nobody looks further down; a few more letters find it."""


@dataclass(frozen=True)
class Choice:
    """Something that one can go to: ``key`` says what, ``name`` is shown with the ``note``."""

    key: str
    name: str
    note: str = ""


class Switcher(Overlay):
    """Shows choices by what is typed, the likeliest first; ``on_choose`` gets the key of one."""

    def __init__(self, root: tk.Tk, theme: Theme, *, on_choose: Callable[[str], None]) -> None:
        super().__init__(root, theme)
        self._on_choose = on_choose
        self._choices: Sequence[Choice] = ()
        self._found: Sequence[Choice] = ()
        gap = theme.px(GAP)
        self.hint = ttk.Label(self.card, style="Quiet.TLabel")
        self.hint.pack(anchor="w")
        self.first = self.entry = ttk.Entry(self.card)
        self.entry.pack(fill="x", pady=gap)
        self.list = tk.Listbox(self.card, height=_ROWS, exportselection=False, takefocus=False)
        theme.dress_choices(self.list)
        self.list.pack(fill="x")
        self.entry.bind("<KeyRelease>", self._typed)
        self.entry.bind("<Up>", lambda _event: self._move(-1))
        self.entry.bind("<Down>", lambda _event: self._move(1))
        for sequence in ("<Return>", "<KP_Enter>"):
            self.entry.bind(sequence, lambda _event: self._choose())
        self.list.bind("<ButtonRelease-1>", lambda _event: self._choose())
        for widget in (self.entry, self.list):
            self.close_by_escape(widget)
        self._shown_for: str | None = None

    def ask(self, choices: Sequence[Choice]) -> None:
        """Open, with these choices; they are best given in the order of their last use."""
        self._choices = choices
        self.entry.delete(0, "end")
        self._shown_for = None
        self._typed()
        self.open()

    def _typed(self, _event: object = None) -> None:
        typed = self.entry.get()
        if typed == self._shown_for:
            return  # another key, such as an arrow
        self._shown_for = typed
        self._found = best_matches(typed, self._choices, lambda choice: choice.name)[:_MOST_SHOWN]
        self.list.delete(0, "end")
        self.list.insert("end", *(_row(choice) for choice in self._found))
        self._select(0)
        self.hint.configure(
            text=_("Go to \u2026") if self._found else _("Nothing here is called like that.")
        )

    def _move(self, by: int) -> str:
        if self._found:
            at = self._at()
            self._select((at[0] + by if at else 0) % len(self._found))
        return "break"

    def _choose(self) -> None:
        at = self._at()
        if at and at[0] < len(self._found):
            self.close()
            self._on_choose(self._found[at[0]].key)

    def _at(self) -> Sequence[int]:
        return tuple(map(int, self.list.curselection()))  # type: ignore[no-untyped-call]

    def _select(self, place: int) -> None:
        self.list.selection_clear(0, "end")
        self.list.selection_set(place)
        self.list.see(place)


def _row(choice: Choice) -> str:
    return f" {choice.name}   {choice.note}" if choice.note else f" {choice.name}"
