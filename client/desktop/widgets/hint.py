"""A text that comes up when the mouse rests on something."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk
from typing import Final

from client.desktop.theme.theme import GAP, Theme

_PAUSE_MILLISECONDS: Final = 500
_WIDTH: Final = 260


class Hint:
    """Shows a text beside the mouse, once it has rested on a widget for a while."""

    def __init__(self, widget: tk.Misc, theme: Theme) -> None:
        self._widget, self._theme = widget, theme
        self._box: ttk.Frame | None = None
        self._text, self._due = "", ""
        for event in ("<Leave>", "<ButtonPress>", "<Unmap>"):
            widget.bind(event, lambda _event: self.offer(""), add="+")

    def offer(self, text: str) -> None:
        """Show this text soon, in place of an earlier one; none if it is empty."""
        if self._due:
            self._widget.after_cancel(self._due)
            self._due = ""
        if self._box is not None:
            self._box.destroy()
            self._box = None
        self._text = text
        if text:
            self._due = self._widget.after(_PAUSE_MILLISECONDS, self._show)

    def _show(self) -> None:
        self._due = ""
        top, theme = self._widget.winfo_toplevel(), self._theme
        width = theme.px(_WIDTH * theme.size // theme.usual_size)
        self._box = ttk.Frame(top, style="Popup.TFrame", padding=theme.px(GAP))
        ttk.Label(self._box, text=self._text, style="Quiet.TLabel", wraplength=width).pack()
        self._box.update_idletasks()
        wide, high = self._box.winfo_reqwidth(), self._box.winfo_reqheight()
        x = top.winfo_pointerx() - top.winfo_rootx() + theme.px(GAP)
        y = top.winfo_pointery() - top.winfo_rooty() + theme.px(2 * GAP)
        self._box.place(
            x=max(0, min(x, top.winfo_width() - wide)), y=max(0, min(y, top.winfo_height() - high))
        )
        self._box.lift()
