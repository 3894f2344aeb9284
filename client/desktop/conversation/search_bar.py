"""The bar that searches the current conversation."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial
from tkinter import ttk

from client.desktop.conversation.message_view import MessageView
from client.desktop.theme.styles import quieten
from client.desktop.theme.theme import GAP, MARGIN, Theme
from client.desktop.tk.insertions import INSERTED
from client.desktop.widgets.fields import LineField
from client.i18n.texts import _, ngettext
from client.model import Conversation, Line


class SearchBar(ttk.Frame):
    """Searches while words are typed; Return or Up goes to the match before, Down to the next."""

    def __init__(
        self, master: tk.Misc, theme: Theme, messages: MessageView, on_closed: Callable[[], None]
    ) -> None:
        gap = theme.px(GAP)
        super().__init__(master, padding=(theme.px(MARGIN), gap))
        self._messages, self._on_closed = messages, on_closed
        ttk.Label(self, text=_("Search")).pack(side="left", padx=(0, gap))
        for text, command in (
            ("\u2715", self.close),
            ("\u2193", partial(self.step, 1)),
            ("\u2191", partial(self.step, -1)),
        ):
            button = ttk.Button(self, text=text, command=command)
            quieten(button)
            button.pack(side="right")
        self.count = ttk.Label(self, style="Quiet.TLabel")
        self.count.pack(side="right", padx=gap)
        self.entry = LineField(self, theme, width=8)
        self.entry.pack(side="left", fill="x", expand=True)
        for event in ("<KeyRelease>", INSERTED):
            self.entry.bind(event, self._typed)
        for by, keys in ((-1, ("Return", "KP_Enter", "Up")), (1, ("Shift-Return", "Down"))):
            for key in keys:
                self.entry.bind(f"<{key}>", lambda _, by=by: self.step(by))  # type: ignore[misc]
        self.entry.bind("<Escape>", lambda _: self.close())
        self._conversation: Conversation | None = None
        self._words = ""
        self._at: Line | None = None
        """The line of the current match; its index changes as older lines are loaded."""

    @property
    def is_open(self) -> bool:
        """Whether the bar is shown."""
        return bool(self.winfo_manager())

    def open(self, conversation: Conversation, words: str = "") -> None:
        """Show the bar, and search a conversation."""
        self._conversation = conversation
        if words:
            self.entry.delete(0, "end")
            self.entry.insert(0, words)
        self.grid()
        self.update_idletasks()  # what is not on the screen yet is not given the focus
        self.entry.focus_set()
        self.entry.selection_range(0, "end")
        self._words = ""
        self._typed()

    def follow(self, conversation: Conversation) -> None:
        """Close if another conversation is shown."""
        if self.is_open and conversation is not self._conversation:
            self.close()

    def close(self) -> str:
        """Hide the bar."""
        if self.is_open:
            self.grid_remove()
            self._messages.mark([], "", None)
            self._on_closed()
        return "break"

    def step(self, by: int) -> str:
        """Go to the next match or the one before, going round."""
        conversation = self._conversation
        if conversation is None or not self._words:
            return "break"
        found = conversation.transcript.find(self._words)
        if not found:
            self.count.configure(text=_("Not found"))
            self._messages.mark([], "", None)
            return "break"
        places = (place for place, entry in enumerate(found) if entry.line is self._at)
        before = next(places, None)
        place = len(found) - 1 if before is None else (before + by) % len(found)
        self._at = found[place].line
        text = ngettext("{place} of {count}", "{place} of {count}", len(found))
        self.count.configure(text=text.format(place=place + 1, count=len(found)))
        self._messages.mark(found, self._words, found[place])
        return "break"

    def _typed(self, _event: object = None) -> None:
        words = self.entry.get().strip()
        if words == self._words:
            return
        self._words, self._at = words, None
        if words:
            self.step(-1)
        else:
            self.count.configure(text="")
            self._messages.mark([], "", None)
