"""A field with a list that narrows down: to switch conversations, or to join a room."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from functools import partial
from tkinter import ttk
from typing import Final

from client.desktop.theme.theme import GAP, MARGIN, Theme
from client.desktop.tk.insertions import INSERTED
from client.desktop.widgets.fields import LineField
from client.desktop.widgets.rows import Row, Rows
from client.text.fuzzy import best_matches

_MOST_SHOWN: Final = 10
_MOST_OF_HEIGHT: Final = 0.5
_WIDTH: Final = 440

Choice = tuple[Row, Callable[[], None]]
"""A row, whose symbol and title it is found by, and what choosing it does."""


class Chooser(ttk.Frame):
    """An overlay over the chat page; it closes when something is chosen or it loses the focus."""

    def __init__(self, master: tk.Misc, theme: Theme, on_closed: Callable[[], None]) -> None:
        super().__init__(master, style="Popup.TFrame", padding=theme.px(MARGIN))
        self._theme, self._on_closed = theme, on_closed
        gap = theme.px(GAP)
        self.title = ttk.Label(self, style="Strong.TLabel")
        self.title.pack(anchor="w", pady=(0, gap))
        self.entry = LineField(self, theme)
        self.entry.pack(fill="x", pady=(0, gap))
        self.note = ttk.Label(self, style="Quiet.TLabel")
        self.note.pack(side="bottom", anchor="w", pady=(gap, 0))
        self.rows = Rows(self, theme, on_choose=self._choose, takes_focus=False)
        self.rows.pack(fill="both", expand=True)
        for event in ("<KeyRelease>", INSERTED):
            self.entry.bind(event, self._narrow)
        for key in ("<Return>", "<KP_Enter>"):
            self.entry.bind(key, lambda _: self._choose(self.rows.chosen))
        self.entry.bind("<Escape>", lambda _: self.close())
        self.entry.bind("<FocusOut>", lambda _: self._left())
        self.winfo_toplevel().bind("<Button-1>", self._clicked, add="+")
        for key, by in (("<Down>", 1), ("<Up>", -1)):
            self.entry.bind(key, partial(self._step, by))
        self._choices: Sequence[Choice] = ()
        self._shown: Sequence[Choice] = ()
        self._also: Callable[[str], Choice | None] = lambda _typed: None
        self._typed: str | None = None
        self._opening: object = None

    @property
    def is_open(self) -> bool:
        """Whether it is shown."""
        return bool(self.winfo_manager())

    def open(
        self,
        title: str,
        choices: Sequence[Choice],
        *,
        note: str,
        also: Callable[[str], Choice | None] = lambda _typed: None,
        chosen: int = 0,
    ) -> Callable[[Sequence[Choice]], None]:
        """Show these choices, with the one of index ``chosen`` selected.

        ``also`` returns one more choice for what is typed. Returns a function that replaces the
        choices and keeps what is typed; it does nothing once this is closed or opened anew.
        """
        self.title.configure(text=title)
        self._also = also
        self.entry.delete(0, "end")
        theme = self._theme
        width = theme.px(_WIDTH * theme.size // theme.usual_size)
        width = min(width, self.master.winfo_width() - 2 * theme.px(MARGIN))
        self.note.configure(wraplength=width - 2 * theme.px(MARGIN))
        self.place(relx=0.5, rely=0.1, anchor="n", width=width)
        self.note.configure(text=note)
        self._offer(choices)
        if choices:
            self.rows.choose(chosen)
        self.lift()
        self.update_idletasks()  # what is not on the screen yet is not given the focus
        self.entry.focus_set()
        self._opening = opening = object()

        def offer_instead(others: Sequence[Choice]) -> None:
            if self.is_open and self._opening is opening:
                self._offer(others)

        return offer_instead

    def _offer(self, choices: Sequence[Choice]) -> None:
        self._choices, self._typed = choices, None
        self._narrow()

    def close(self) -> str:
        """Hide it without choosing."""
        if self.is_open:
            had_keys = self._has_keys
            self.place_forget()
            if had_keys:
                self._on_closed()
        return "break"

    @property
    def _has_keys(self) -> bool:
        """Whether it has the focus, or will have it when the window does."""
        return self.focus_lastfor() is self.entry

    def _left(self) -> None:
        if not self._has_keys:
            self.close()

    def _clicked(self, event: tk.Event[tk.Misc]) -> None:
        if not str(event.widget).startswith(str(self)):
            self.close()

    def _narrow(self, _event: object = None) -> None:
        typed = self.entry.get().strip()
        if typed == self._typed:
            return
        self._typed = typed
        found = best_matches(typed, self._choices, _name_of)
        more = self._also(typed) if typed else None
        self._shown = [*found, *([more] if more else [])]
        self.rows.show_all([row for row, _ in self._shown], 0 if self._shown else None)
        room = round(_MOST_OF_HEIGHT * self.master.winfo_height())
        self.rows.set_height(min(len(self._shown), _MOST_SHOWN, room // self._theme.row_height))
        if self._shown:
            self.rows.choose(0)

    def _step(self, by: int, _event: object) -> str:
        self.rows.step(by, around=True)
        return "break"

    def _choose(self, number: int | None) -> str:
        if number is not None:
            _row, action = self._shown[number]
            self.close()
            action()
        return "break"


def _name_of(choice: Choice) -> str:
    row, _action = choice
    return row.symbol + row.title
