"""The page that says what can be done: keys, commands, whatever else there is."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Sequence
from tkinter import ttk

from client.desktop.overlay import Overlay
from client.desktop.scrolling import QuietScrollbar
from client.desktop.theme import GAP, Theme, quieten
from client.texts import _

Section = tuple[str, Sequence[tuple[str, str]]]
"""A title, and under it what there is with what it does."""


class HelpPage(Overlay):
    """Shows sections of help."""

    def __init__(self, root: tk.Tk, theme: Theme, sections: Sequence[Section]) -> None:
        super().__init__(root, theme, full_height=True)
        self._sections = sections
        top = ttk.Frame(self.card)
        top.pack(fill="x", pady=(0, theme.px(GAP)))
        ttk.Label(top, text=_("Help"), style="Title.TLabel").pack(side="left")
        leave = ttk.Button(top, text=_("Close"), command=self.close)
        quieten(leave)
        leave.pack(side="right")
        self.first = self.text = tk.Text(self.card, width=1, height=1, cursor="arrow")
        scrollbar = QuietScrollbar(self.card, self.text)
        self.text.configure(yscrollcommand=scrollbar.set)
        scrollbar.pack(side="right", fill="y")
        self.text.pack(side="left", fill="both", expand=True)
        self.text.bind("<Up>", lambda _event: self._scroll(-1))
        self.text.bind("<Down>", lambda _event: self._scroll(1))
        for widget in (self.text, leave):
            self.close_by_escape(widget)
        for title, rows in sections:
            self.text.insert("end", f"{title}\n", "title")
            for what, does in rows:
                self.text.insert("end", f"{what}\t", ("row", "what"), f"{does}\n", "row")
        self.text.delete("end - 1 chars")
        self.text.configure(state="disabled")
        theme.dress(self.text, self._dress)

    def _dress(self) -> None:
        names = [what for _title, rows in self._sections for what, _does in rows]
        self._theme.dress_help(self.text, names)

    def _scroll(self, by: int) -> str:
        self.text.yview_scroll(by, "units")
        return "break"
