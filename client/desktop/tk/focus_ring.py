"""A ring that shows which widget has the keyboard focus."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk


class FocusRing:
    """Shows a ring at the inner edge of ``around`` while ``widget`` in it has the focus.

    There is none if a click gave it the focus. ``thickness`` is in pixels.
    """

    def __init__(self, around: tk.Misc, widget: tk.Misc, thickness: int) -> None:
        self._thickness = thickness
        self._sides = [ttk.Frame(around, style="Focus.TFrame") for _ in range(4)]
        self._clicked = False
        widget.bind("<Button-1>", lambda _: self._click(), add="+")
        widget.bind("<FocusIn>", lambda _: self._show(), add="+")
        widget.bind("<FocusOut>", lambda _: self._hide(), add="+")

    @property
    def is_shown(self) -> bool:
        """Whether the ring is shown."""
        return bool(self._sides[0].winfo_manager())

    def _click(self) -> None:
        self._clicked = True

    def _show(self) -> None:
        if self._clicked:
            return
        top, bottom, left, right = self._sides
        top.place(relwidth=1.0, height=self._thickness)
        bottom.place(relwidth=1.0, height=self._thickness, rely=1.0, anchor="sw")
        left.place(relheight=1.0, width=self._thickness)
        right.place(relheight=1.0, width=self._thickness, relx=1.0, anchor="ne")

    def _hide(self) -> None:
        self._clicked = False
        for side in self._sides:
            side.place_forget()
