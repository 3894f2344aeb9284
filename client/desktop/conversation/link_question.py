"""Asks before a link is opened that does not lead where it seems to."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk
from typing import Final

from client.desktop.theme.styles import offer, warn
from client.desktop.theme.theme import GAP, MARGIN, Theme
from client.i18n.texts import _
from client.text.link_targets import disguised_host

_MOST_SHOWN: Final = 60
"""How many characters of a host are shown: its last ones, which say whose it is."""


class LinkQuestion(ttk.Frame):
    """A bar that names the host a link really leads to; it is gridded by its master."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        open_link: Callable[[str], None],
        on_closed: Callable[[], None],
    ) -> None:
        super().__init__(master)
        self._open, self._on_closed = open_link, on_closed
        self._link = ""
        margin, gap = theme.px(MARGIN), theme.px(GAP)
        self.label = ttk.Label(self, style="Warning.TLabel")
        self.label.pack(anchor="w", fill="x", padx=margin, pady=(gap, gap // 2))
        buttons = ttk.Frame(self)
        buttons.pack(anchor="w", padx=margin, pady=(0, gap // 2))
        self._leave = ttk.Button(buttons, text=_("Do not open"), command=self.close)
        offer(self._leave)
        self._leave.pack(side="left", padx=(0, gap))
        self._go = ttk.Button(buttons, text=_("Open anyway"), command=self._open_anyway)
        warn(self._go)
        self._go.pack(side="left")
        for button in (self._leave, self._go):
            button.bind("<Escape>", lambda _: self.close())
            button.bind("<Return>", lambda _, pressed=button: pressed.invoke())  # type: ignore[misc]
        wrap = 2 * margin
        self.bind(
            "<Configure>",
            lambda event: self.label.configure(wraplength=max(event.width - wrap, 1)),
        )

    @property
    def is_open(self) -> bool:
        """Whether it is shown."""
        return bool(self.winfo_manager())

    def open(self, link: str) -> None:
        """Open a link; one that does not lead where it seems to, only if the person agrees."""
        host = disguised_host(link)
        if host is None:
            self._open(link)
            return
        self._link = link
        shown = host if len(host) <= _MOST_SHOWN else f"\u2026{host[-_MOST_SHOWN:]}"
        text = _("This link really leads to {host}. It may be made to look like another one.")
        self.label.configure(text=text.format(host=shown))
        self.grid()
        self.update_idletasks()  # what is not on the screen yet is not given the focus
        self._leave.focus_set()

    def close(self) -> str:
        """Hide the question, and open nothing."""
        if self.is_open:
            self.grid_remove()
            self._on_closed()
        return "break"

    def _open_anyway(self) -> None:
        self.close()
        self._open(self._link)
