"""The menu of a text, to cut, copy and paste."""

from __future__ import annotations

import tkinter as tk
from functools import partial
from typing import Final

from client.desktop.theme.theme import Theme
from client.desktop.tk.text_tags import tagged_text
from client.i18n.texts import _

CONTEXT_KEY: Final = "<<ContextKey>>"
"""The event that a widget gets when the key for its context menu is pressed."""


def offer_clipboard(text: tk.Text, theme: Theme) -> None:
    """Add to a text a menu to cut, copy and paste, opened by the right button or `CONTEXT_KEY`.

    On a link (text with the tag ``url``) it offers to copy the whole link.
    """
    menu = theme.menu(text)

    def copy(what: str) -> None:
        text.clipboard_clear()
        text.clipboard_append(what)

    def open_menu(place: str, x: int, y: int) -> str:
        menu.delete(0, "end")
        selected = bool(text.tag_ranges("sel"))
        can_write = str(text.cget("state")) == "normal"
        link = tagged_text(text, "url", place) if "url" in text.tag_names(place) else ""
        if link:
            menu.add_command(label=_("Copy link"), command=partial(copy, link))
        for label, action, possible in (
            (_("Cut"), "<<Cut>>", selected and can_write),
            (_("Copy"), "<<Copy>>", selected),
            (_("Paste"), "<<Paste>>", can_write),
        ):
            if possible:
                menu.add_command(label=label, command=partial(text.event_generate, action))
        if menu.index("end") is not None:
            menu.tk_popup(x, y)
        return "break"

    def open_by_button(event: tk.Event[tk.Text]) -> str:
        return open_menu(f"@{event.x},{event.y}", event.x_root, event.y_root)

    def open_by_key() -> str:
        place = text.index("sel.first" if text.tag_ranges("sel") else "insert")
        left, top, _width, height = text.bbox(place) or (0, 0, 0, 0)
        open_menu(place, text.winfo_rootx() + left, text.winfo_rooty() + top + height)
        menu.activate(0)
        return "break"

    for button in ("<Button-2>", "<Button-3>") if _has_aqua(text) else ("<Button-3>",):
        text.bind(button, open_by_button)
    text.bind(CONTEXT_KEY, lambda _: open_by_key())


def _has_aqua(widget: tk.Misc) -> bool:
    """Return whether this is a Mac, where the right button is number 2."""
    return bool(widget.tk.call("tk", "windowingsystem") == "aqua")
