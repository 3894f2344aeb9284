"""A card that lies over the page for a while."""

from __future__ import annotations

import tkinter as tk
from contextlib import suppress
from tkinter import ttk

from client.desktop.theme import GAP, MARGIN, Theme

_WIDTH = 520
_EDGE = 0.1
"""How much of the window is left free above, and below at least."""


class Overlay(ttk.Frame):
    """Has the focus while it is open, and then gives it back.

    Escape closes it, and so does a click beside it. What it shows goes into ``card``; ``first`` is
    the widget that gets the focus.
    """

    def __init__(self, root: tk.Tk, theme: Theme, *, full_height: bool = False) -> None:
        super().__init__(root, style="Rule.TFrame", padding=theme.px(1))
        self.card = ttk.Frame(self, padding=(theme.px(MARGIN), theme.px(GAP + 4)))
        self.card.pack(fill="both", expand=True)
        self.first: tk.Misc = self.card
        self.is_open = False
        self._root, self._theme = root, theme
        self._height = 1 - 2 * _EDGE if full_height else 0
        self._before: tk.Misc | None = None
        root.bind("<Button-1>", self._clicked, add="+")
        root.bind("<Configure>", self._resized, add="+")
        theme.dress(self, self._fit)

    def open(self) -> None:
        """Lie over the page, and take the focus."""
        if not self.is_open:
            self._before = self._root.focus_get()
        self.is_open = True
        self._fit()
        self.lift()
        self.first.focus_set()

    def close(self) -> None:
        """Go away, and give the focus back."""
        if not self.is_open:
            return
        self.is_open = False
        self.place_forget()
        if self._before is not None:
            with suppress(tk.TclError):  # it may be gone meanwhile
                self._before.focus_set()

    def close_by_escape(self, widget: tk.Misc) -> None:
        """Close when Escape is pressed in this widget."""
        widget.bind("<Escape>", lambda _event: self.close())

    def _fit(self) -> None:
        if not self.is_open:
            return
        theme = self._theme
        wanted = theme.px(_WIDTH * theme.size // theme.usual_size)
        width = min(wanted, self._root.winfo_width() - 2 * theme.px(MARGIN))
        self.place(relx=0.5, rely=_EDGE, anchor="n", width=width, relheight=self._height or "")

    def _resized(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self._root:
            self._fit()

    def _clicked(self, event: tk.Event[tk.Misc]) -> None:
        if self.is_open and not f"{event.widget}.".startswith(f"{self}."):
            self.close()
