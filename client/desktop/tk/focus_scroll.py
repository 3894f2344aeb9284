"""Scrolling what is higher than its page: by the wheel, and along with the focus."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from typing import Final

_WHEEL_PIXELS: Final = 60


def scroll_with_focus(page: tk.Misc, scroll: Callable[[int], None], *, room: int) -> None:
    """Call ``scroll`` for the wheel, and to bring a widget of a page into sight that got the focus.

    ``scroll`` moves the content up by so many pixels; ``room`` is how many there are to be between
    the widget and the edge of the page.
    """

    def is_here(widget: object) -> bool:
        return page.winfo_viewable() and str(widget).startswith(f"{page}.")

    def focused(event: tk.Event[tk.Misc]) -> None:
        widget = event.widget
        if not is_here(widget):
            return
        top = widget.winfo_rooty() - page.winfo_rooty()
        below = top + widget.winfo_height() - (page.winfo_height() - room)
        if top < room:
            scroll(top - room)
        elif below > 0:
            scroll(below)

    def turned(event: tk.Event[tk.Misc]) -> None:
        if is_here(event.widget) and not isinstance(event.widget, (tk.Text, tk.Canvas)):
            is_up = event.num == 4 or event.delta > 0  # noqa: PLR2004 - the button of the wheel
            scroll(-_WHEEL_PIXELS if is_up else _WHEEL_PIXELS)

    top = page.winfo_toplevel()
    top.bind("<FocusIn>", focused, add="+")
    for sequence in ("<MouseWheel>", "<Button-4>", "<Button-5>"):
        top.bind(sequence, turned, add="+")
