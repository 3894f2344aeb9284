"""What a click does in the messages, and what can be copied and pasted by one, or by keys."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from client.desktop.theme.theme import Theme
from client.i18n.texts import _


class MessageActions(Protocol):
    """What can be done with a conversation's lines."""

    def retry_draft(self, draft_id: str) -> None:
        """Send a refused message again."""

    def discard_draft(self, draft_id: str) -> None:
        """Forget a refused message."""

    def load_older(self) -> None:
        """Ask the server for older lines of the conversation in sight."""

    def note_end(self) -> None:
        """Note that the newest line of the conversation in sight has come into sight."""

    def open_link(self, link: str) -> None:
        """Open a link in the browser."""

    def talk_to(self, nick: str) -> None:
        """Open the conversation with somebody."""


def bind_clicks(text: tk.Text, actions: MessageActions) -> None:
    """Have clicks on what is tagged in the messages do something."""

    def with_draft(act: Callable[[str], None], place: str) -> None:
        for tag in text.tag_names(place):
            if tag.startswith("draft:"):
                act(tag.removeprefix("draft:"))

    def open_link(place: str) -> None:
        if link := tagged(text, "url", place):
            actions.open_link(link)

    def talk_to(tag: str, place: str) -> str:
        if nick := tagged(text, tag, place):
            actions.talk_to(nick)
        return "break"

    for tag, act in (
        ("retry", partial(with_draft, actions.retry_draft)),
        ("discard", partial(with_draft, actions.discard_draft)),
        ("url", open_link),
    ):
        text.tag_bind(tag, "<ButtonRelease-1>", partial(_clicked, text, act))
        text.tag_bind(tag, "<Enter>", partial(_pointed, text, tag))
        text.tag_bind(tag, "<Leave>", lambda _: _left(text))
    for tag in ("name", "actor"):
        text.tag_bind(tag, "<Double-Button-1>", lambda event, tag=tag: talk_to(tag, _place(event)))  # type: ignore[misc]


CONTEXT_KEY: Final = "<<ContextKey>>"
"""What a widget gets when the key is pressed that opens its menu."""


def offer_clipboard(text: tk.Text, theme: Theme) -> None:
    """Offer to cut, copy and paste by the other mouse button, or `CONTEXT_KEY`.

    A link is copied as a whole.
    """
    menu = theme.menu(text)

    def copy(what: str) -> None:
        text.clipboard_clear()
        text.clipboard_append(what)

    def open_menu(place: str, x: int, y: int) -> str:
        menu.delete(0, "end")
        selected = bool(text.tag_ranges("sel"))
        can_write = str(text.cget("state")) == "normal"
        link = tagged(text, "url", place) if "url" in text.tag_names(place) else ""
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

    def open_by_key() -> str:
        place = text.index("sel.first" if text.tag_ranges("sel") else "insert")
        left, top, _width, height = text.bbox(place) or (0, 0, 0, 0)
        open_menu(place, text.winfo_rootx() + left, text.winfo_rooty() + top + height)
        menu.activate(0)
        return "break"

    for button in ("<Button-2>", "<Button-3>") if _has_aqua(text) else ("<Button-3>",):
        text.bind(button, lambda event: open_menu(_place(event), event.x_root, event.y_root))
    text.bind(CONTEXT_KEY, lambda _: open_by_key())


def _has_aqua(widget: tk.Misc) -> bool:
    """Whether this is a Mac, whose other mouse button is the second."""
    return bool(widget.tk.call("tk", "windowingsystem") == "aqua")


def _pointed(text: tk.Text, tag: str, event: tk.Event[tk.Text]) -> None:
    text.configure(cursor="hand2")
    if found := text.tag_prevrange(tag, f"{_place(event)} + 1 chars"):
        text.tag_add("pointed", *found)


def _left(text: tk.Text) -> None:
    text.configure(cursor="arrow")
    text.tag_remove("pointed", "1.0", "end")


def _clicked(text: tk.Text, act: Callable[[str], object], event: tk.Event[tk.Text]) -> None:
    if not text.tag_ranges("sel"):  # else it was dragged over to be copied
        act(_place(event))


def _place(event: tk.Event[tk.Text]) -> str:
    return f"@{event.x},{event.y}"


def tagged(text: tk.Text, tag: str, place: str) -> str:
    """Give the whole of a tagged piece of text; empty if there is none."""
    found = text.tag_prevrange(tag, f"{place} + 1 chars")
    return text.get(*found) if found else ""
