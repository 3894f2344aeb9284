"""Scrolling what is higher than its page: by the wheel, and along with the focus."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from typing import Final

_WHEEL_PIXELS: Final = 60


def scroll_with_focus(
    page: tk.Misc, see: Callable[[tk.Misc], None], scroll: Callable[[int], None]
) -> None:
    """Call ``see`` with each widget on a page that gets the focus, ``scroll`` for the wheel."""

    def is_here(widget: object) -> bool:
        return page.winfo_viewable() and str(widget).startswith(f"{page}.")

    def focused(event: tk.Event[tk.Misc]) -> None:
        if is_here(event.widget):
            see(event.widget)

    def turned(event: tk.Event[tk.Misc]) -> None:
        if is_here(event.widget) and not isinstance(event.widget, (tk.Text, tk.Canvas)):
            is_up = event.num == 4 or event.delta > 0  # noqa: PLR2004 - the button of the wheel
            scroll(-_WHEEL_PIXELS if is_up else _WHEEL_PIXELS)

    top = page.winfo_toplevel()
    top.bind("<FocusIn>", focused, add="+")
    for sequence in ("<MouseWheel>", "<Button-4>", "<Button-5>"):
        top.bind(sequence, turned, add="+")
