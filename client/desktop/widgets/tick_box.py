"""A box to tick, with its text."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk

from client.desktop.theme.styles import quieten
from client.desktop.theme.theme import Theme


class TickBox(ttk.Button):
    """A box that is ticked or not; a click or the space bar changes it."""

    def __init__(self, master: tk.Misc, theme: Theme, text: str, *, ticked: bool) -> None:
        super().__init__(master, text=f" {text}", compound="left", command=self._change)
        quieten(self)
        self.configure(padding=(0, theme.px(4)))
        self._theme, self.ticked = theme, ticked
        theme.dress(self, self._draw)

    def _change(self) -> None:
        self.ticked = not self.ticked
        self._draw()

    def _draw(self) -> None:
        palette = self._theme.palette
        size = self._theme.body.metrics("linespace")
        on = (palette.accent, palette.accent, palette.on_accent)
        self._picture = self._theme.pictures.tick_box(
            size, *(on if self.ticked else (palette.edge, "", ""))
        )
        self.configure(image=str(self._picture))
