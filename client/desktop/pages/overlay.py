"""A page that covers the whole window until it is closed."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from client.desktop.theme.styles import offer
from client.desktop.theme.theme import GAP, MARGIN, Theme
from client.i18n.texts import _


class Overlay(ttk.Frame):
    """A page with a title and a button that closes it; hidden at first.

    Who derives from it says in `opened` which widget gets the focus.
    """

    def __init__(
        self, master: tk.Misc, theme: Theme, on_closed: Callable[[], None], *, title: str = ""
    ) -> None:
        super().__init__(master)
        self._theme, self._on_closed = theme, on_closed
        margin, gap = theme.px(MARGIN), theme.px(GAP)
        head = ttk.Frame(self)
        head.pack(fill="x", padx=(margin, gap), pady=gap)
        self.title = ttk.Label(head, text=title, style="Title.TLabel")
        self.title.pack(side="left")
        close = ttk.Button(head, text=_("Close"), command=self.close)
        offer(close)
        close.pack(side="right")
        ttk.Frame(self, style="Rule.TFrame", height=1).pack(fill="x")

    @property
    def is_open(self) -> bool:
        """Whether it is shown."""
        return bool(self.winfo_manager())

    def toggle(self) -> None:
        """Show or hide it."""
        if self.is_open:
            self.close()
            return
        self.place(relx=0.0, rely=0.0, relwidth=1.0, relheight=1.0)
        self.lift()
        focused = self.opened()
        self.update_idletasks()  # what is not on the screen yet is not given the focus
        focused.focus_set()

    def opened(self) -> tk.Misc:
        """Prepare what is shown; return the widget that gets the focus."""
        return self

    def close(self) -> str:
        """Hide it."""
        if self.is_open:
            self.place_forget()
            self._on_closed()
        return "break"
