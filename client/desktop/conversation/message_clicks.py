"""What a click does in the messages: it opens links and conversations, and retries drafts."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial
from typing import Protocol

from client.desktop.tk.text_tags import tagged_text


class MessageActions(Protocol):
    """What the person can do with the lines of a conversation."""

    def retry_draft(self, draft_id: str) -> None:
        """Send a refused message again."""

    def discard_draft(self, draft_id: str) -> None:
        """Drop a refused message."""

    def load_older(self) -> None:
        """Load older messages of the current conversation."""

    def note_end(self) -> None:
        """Note that the reader has come to the end of the current conversation."""

    def open_link(self, link: str) -> None:
        """Open a link in the browser."""

    def talk_to(self, nick: str) -> None:
        """Open the conversation with somebody."""


def bind_clicks(
    text: tk.Text,
    actions: MessageActions,
    open_link: Callable[[str], None],
    show_more: Callable[[str], None],
) -> None:
    """Bind clicks on tagged text to actions.

    ``show_more`` gets the place of what was clicked below the beginning of a long message.
    """

    def with_draft(act: Callable[[str], None], place: str) -> None:
        for tag in text.tag_names(place):
            if tag.startswith("draft:"):
                act(tag.removeprefix("draft:"))

    def open_url(place: str) -> None:
        if link := tagged_text(text, "url", place):
            open_link(link)

    def talk_to(tag: str, place: str) -> str:
        if nick := tagged_text(text, tag, place):
            actions.talk_to(nick)
        return "break"

    for tag, act in (
        ("retry", partial(with_draft, actions.retry_draft)),
        ("discard", partial(with_draft, actions.discard_draft)),
        ("url", open_url),
        ("more", show_more),
    ):
        text.tag_bind(tag, "<ButtonRelease-1>", partial(_clicked, text, act))
        text.tag_bind(tag, "<Enter>", partial(_pointed, text, tag))
        text.tag_bind(tag, "<Leave>", lambda _: _left(text))
    for tag in ("name", "actor"):
        text.tag_bind(tag, "<Double-Button-1>", lambda event, tag=tag: talk_to(tag, _place(event)))  # type: ignore[misc]


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
