"""The list above the field: what that which is being typed may become."""

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
    """Stands over the messages while there is something to offer; ``on_take`` gets what is taken.

    The focus stays where one types: keys come by `step` and `take`.
    """

    def __init__(
        self, master: tk.Misc, theme: Theme, on_take: Callable[[Completion], None]
    ) -> None:
        super().__init__(master, style="Popup.TFrame", padding=theme.px(GAP // 2))
        self._theme, self._on_take = theme, on_take
        self._offers: Sequence[Completion] = ()
        self.rows = Rows(self, theme, on_choose=lambda _: self.take(), takes_focus=False)
        self.rows.pack(fill="both", expand=True)

    @property
    def is_open(self) -> bool:
        """Whether it is in sight."""
        return bool(self.winfo_manager())

    def show(self, offers: Sequence[Completion], above: tk.Misc) -> None:
        """Offer these, right above a widget; or nothing."""
        if offers == self._offers:
            return
        self._offers = offers
        if not offers:
            self.place_forget()
            return
        self.rows.show_all([_row(offer) for offer in offers], 0)
        theme = self._theme
        rows = min(len(offers), _MOST_ROWS)
        height = rows * theme.row_height + 2 * theme.px(GAP // 2)
        width = min(theme.px(_WIDTH) * theme.size // theme.usual_size, above.winfo_width())
        gap = theme.px(GAP // 2)
        self.place(
            in_=above, x=0, y=-gap, anchor="sw", width=width, height=height, bordermode="outside"
        )
        self.lift()
        self.rows.choose(0)

    def step(self, by: int) -> None:
        """Go to the next offer, or the one before; from the last one to the first."""
        self.rows.step(by, around=True)

    def take(self) -> None:
        """Take the offer that is chosen."""
        if self.rows.chosen is not None and self._offers:
            self._on_take(self._offers[self.rows.chosen])


def _row(offer: Completion) -> Row:
    return Row(offer.title, note=offer.note, symbol=offer.symbol, nick=offer.nick)
