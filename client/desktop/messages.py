"""The widget that shows a conversation: its lines, and below them what is not sent yet."""

from __future__ import annotations

import itertools
import tkinter as tk
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from tkinter import ttk
from typing import Any

from client.desktop.scrolling import QuietScrollbar
from client.desktop.theme import Theme, sender_tag
from client.model import MOST_LINES, Conversation, Draft, Line, NewDay, Said, Told, shown

Span = tuple[str, tuple[str, ...]]
"""A piece of text and its tags."""


class MessageView(ttk.Frame):
    """Draws a `Conversation`; ``on_retry`` and ``on_discard`` get the id of a refused draft.

    Text from the net goes to Tk as the arguments of ``insert`` only, which Tk never evaluates.
    """

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        on_retry: Callable[[str], None],
        on_discard: Callable[[str], None],
    ) -> None:
        super().__init__(master)
        self.text = tk.Text(self, state="disabled", cursor="arrow", width=1, height=1)
        theme.dress_messages(self.text)
        self._scrollbar = QuietScrollbar(self, self.text)
        self.text.configure(yscrollcommand=self._scrolled)
        self._scrollbar.pack(side="right", fill="y")
        self.text.pack(side="left", fill="both", expand=True)
        self.text.bind("<Button-1>", lambda _: self.text.focus_set())
        self.text.bind("<Configure>", self._resized)
        self._bind_links("retry", on_retry)
        self._bind_links("discard", on_discard)

        self._at_end = True
        self._height = 0
        self._conversation: Conversation | None = None
        self._drawn = 0
        self._rows: deque[int] = deque()
        self._drafts: Sequence[Draft] = ()
        self._draft_rows = 0

    def draw(self, conversation: Conversation) -> None:
        """Bring the widget up to date, all at once."""
        drafts = tuple(conversation.drafts.values())
        fresh = conversation is not self._conversation
        if not fresh and conversation.told == self._drawn and drafts == self._drafts:
            return
        at_end = fresh or self._at_end
        self.text.configure(state="normal")
        if fresh:
            self._clear(conversation)
        self._replace_drafts(conversation, drafts)
        self._drop_oldest()
        self.text.configure(state="disabled")
        if at_end:
            self.text.see("end")

    def _clear(self, conversation: Conversation) -> None:
        self.text.delete("1.0", "end")
        self._rows.clear()
        self._conversation, self._drawn, self._draft_rows = conversation, 0, 0

    def _replace_drafts(self, conversation: Conversation, drafts: Sequence[Draft]) -> None:
        """Add what is new above the drafts, and the drafts again below it."""
        if self._draft_rows:
            self.text.delete(f"end - 1 chars - {self._draft_rows} lines", "end - 1 chars")
        new = min(conversation.told - self._drawn, len(conversation.lines))
        skipped = len(conversation.lines) - new
        lines = itertools.islice(conversation.lines, skipped, None)
        self._rows += self._append([_spans(line) for line in lines])
        self._drawn = conversation.told
        self._draft_rows = sum(self._append([_draft_spans(draft) for draft in drafts]))
        self._drafts = drafts

    def _append(self, lines: Sequence[Sequence[Span]]) -> list[int]:
        """Insert lines in one go; gives how many rows each takes up, not counting wrapping."""
        rows = []
        arguments: list[Any] = []
        for spans in lines:
            rows.append(1 + sum(text.count("\n") for text, _ in spans))
            for text, tags in spans:
                arguments += (text, tags)
            arguments += ("\n", ())
        if arguments:
            self.text.insert("end", *arguments)
        return rows

    def _drop_oldest(self) -> None:
        rows = 0
        while len(self._rows) > MOST_LINES:
            rows += self._rows.popleft()
        if rows:
            self.text.delete("1.0", f"{rows + 1}.0")

    # --- scrolling and links ------------------------------------------------------------------

    def _scrolled(self, first: float, last: float) -> None:
        self._scrollbar.set(first, last)
        # A change of height also moves the end out of sight, but not by the reader's will.
        if self.text.winfo_height() == self._height:
            self._at_end = float(last) >= 1.0

    def _resized(self, event: tk.Event[tk.Text]) -> None:
        if self._at_end:
            self.text.see("end")
        self._height = event.height

    def _bind_links(self, kind: str, action: Callable[[str], None]) -> None:
        def clicked(event: tk.Event[tk.Text]) -> None:
            for tag in self.text.tag_names(f"@{event.x},{event.y}"):
                if tag.startswith("draft:"):
                    action(tag.removeprefix("draft:"))

        self.text.tag_bind(kind, "<Button-1>", clicked)
        self.text.tag_bind(kind, "<Enter>", lambda _: self.text.configure(cursor="hand2"))
        self.text.tag_bind(kind, "<Leave>", lambda _: self.text.configure(cursor="arrow"))


def _spans(line: Line) -> Sequence[Span]:
    match line:
        case Said(at, sender, text):
            return (
                (f"{_clock(at)}\t", ("line", "time")),
                (f"{sender}\t", ("line", sender_tag(sender))),
                (text, ("line",)),
            )
        case Told(at, text, warning):
            kind = "warning" if warning else "told"
            return ((f"{_clock(at)}\t\t", ("line", "time")), (text, ("line", kind)))
        case NewDay(day):
            return ((f"{day:%A}, {day.day} {day:%B %Y}", ("day",)),)


def _draft_spans(draft: Draft) -> Sequence[Span]:
    text: Span = (shown(draft.text), ("line", "draft"))
    start: Span = ("\u2026\t\t", ("line", "time"))
    if draft.refusal is None:
        return (start, text)
    link = ("line", "link", f"draft:{draft.id}")
    return (
        start,
        text,
        (f"\nNot sent: {draft.refusal}  ", ("line", "refusal")),
        ("Try again", (*link, "retry")),
        ("  ", ("line",)),
        ("Discard", (*link, "discard")),
    )


def _clock(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, tz=UTC).astimezone():%H:%M}"
