"""The list of completions above the input field."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk
from typing import Final

from client.desktop.theme.theme import GAP, Theme
from client.desktop.widgets.rows import Row, Rows
from client.model import Completion

_MOST_ROWS: Final = 8
_WIDTH: Final = 460


class CompletionList(ttk.Frame):
    """Shows completions over the messages; ``on_take`` gets the one that is taken.

    The focus stays in the input field, which passes on its keys by `step` and `take`.
    """

    def __init__(
        self, master: tk.Misc, theme: Theme, on_take: Callable[[Completion], None]
    ) -> None:
        super().__init__(master, style="Popup.TFrame", padding=theme.px(GAP // 2))
        self._theme, self._on_take = theme, on_take
        self._shown: Sequence[Completion] = ()
        self.rows = Rows(self, theme, on_choose=lambda _: self.take(), takes_focus=False)
        self.rows.pack(fill="both", expand=True)

    @property
    def is_open(self) -> bool:
        """Whether the list is shown."""
        return bool(self.winfo_manager())

    def show(self, completions: Sequence[Completion], above: tk.Misc) -> None:
        """Show these right above a widget; hide the list if there are none."""
        if completions == self._shown:
            return
        self._shown = completions
        if not completions:
            self.place_forget()
            return
        self.rows.show_all([_row(completion) for completion in completions], 0)
        theme = self._theme
        rows = min(len(completions), _MOST_ROWS)
        height = rows * theme.row_height + 2 * theme.px(GAP // 2)
        width = min(theme.px(_WIDTH) * theme.size // theme.usual_size, above.winfo_width())
        gap = theme.px(GAP // 2)
        self.place(
            in_=above, x=0, y=-gap, anchor="sw", width=width, height=height, bordermode="outside"
        )
        self.lift()
        self.rows.choose(0)

    def step(self, by: int) -> None:
        """Choose the next completion or the one before, going round."""
        self.rows.step(by, around=True)

    def take(self) -> None:
        """Take the chosen completion."""
        if self.rows.chosen is not None and self._shown:
            self._on_take(self._shown[self.rows.chosen])


def _row(completion: Completion) -> Row:
    return Row(
        completion.title, note=completion.note, symbol=completion.symbol, nick=completion.nick
    )
