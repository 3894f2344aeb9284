"""Every key and command, before the conversation until Escape is pressed."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk
from typing import Final

from client.desktop.shortcuts import described
from client.desktop.theme import GAP, MARGIN, Theme
from client.model.commands import COMMANDS
from client.texts import N_, _

_MORE_KEYS: Final = (
    ("Enter", N_("Send")),
    ("Shift+Enter", N_("New line")),
    ("Tab", N_("Complete a nickname, a command or an emoji")),
    ("PageUp, PageDown", N_("Scroll the conversation")),
    ("Escape", N_("Close what stands before the conversation")),
)


class HelpPage(ttk.Frame):
    """Lists them in one text that can be scrolled."""

    def __init__(self, master: tk.Misc, theme: Theme, on_closed: Callable[[], None]) -> None:
        super().__init__(master, style="Rule.TFrame", padding=1)
        self._theme, self._on_closed = theme, on_closed
        self.text = tk.Text(self, wrap="word", cursor="arrow", width=1, height=1)
        theme.dress_messages(self.text)
        theme.dress(self.text, self._set_tabs)
        self.text.pack(side="top", fill="both", expand=True)
        self.text.bind("<Escape>", lambda _: self.close())
        self.text.bind("<F1>", lambda _: self.close())
        close = ttk.Button(self, text=_("Close"), command=self.close)
        close.place(relx=1.0, y=theme.px(GAP), x=-theme.px(MARGIN), anchor="ne")
        self._fill()

    @property
    def is_open(self) -> bool:
        """Whether it is in sight."""
        return bool(self.winfo_manager())

    def toggle(self) -> None:
        """Come into sight, or go away."""
        if self.is_open:
            self.close()
        else:
            self.place(relx=0.0, rely=0.0, relwidth=1.0, relheight=1.0)
            self.lift()
            self.text.focus_set()

    def close(self) -> str:
        """Go away."""
        if self.is_open:
            self.place_forget()
            self._on_closed()
        return "break"

    def _set_tabs(self) -> None:
        column = self._theme.body.measure("m" * 16)
        self.text.configure(tabs=(column,))
        self.text.tag_configure("row", lmargin2=column)

    def _fill(self) -> None:
        self._section(_("Keys"))
        for keys, description in (*described(), *((k, _(d)) for k, d in _MORE_KEYS)):
            self._row(keys, description)
        self._section(_("Commands"))
        for command in COMMANDS:
            arguments = f" {_(command.arguments)}" if command.arguments else ""
            self._row(f"/{command.name}{arguments}", _(command.description))
        self.text.configure(state="disabled")

    def _section(self, title: str) -> None:
        self.text.insert("end", f"{title}\n", ("head", "title"))

    def _row(self, left: str, right: str) -> None:
        self.text.insert("end", f"{left}\t{right}\n", "row")
