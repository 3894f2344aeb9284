"""A field for a password, which says as somebody types how good a new one is."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk
from typing import Final, Literal

from client.desktop.theme.styles import link
from client.desktop.theme.theme import GAP, Theme
from client.desktop.tk.insertions import INSERTED
from client.desktop.widgets.fields import LineField
from client.i18n.texts import _

_MOST_BYTES: Final = 1024
"""As many as a password may have, in UTF-8."""
_HIDDEN: Final = "\u2022"
_PAUSE_MILLISECONDS: Final = 200
"""How long nobody types before a password is judged."""

Grade = Literal["bad", "fair", "good"]
_STYLES: Final = {"bad": "Error.TLabel", "fair": "Warning.TLabel", "good": "Good.TLabel"}

Judge = Callable[[str, Callable[[str, Grade], None]], None]
"""Judges a password, and calls a function with what to say of it."""


class PasswordField(ttk.Frame):
    """Asks for a password; ``judge`` is asked about a new one, while ``is_new``."""

    def __init__(
        self, master: tk.Misc, theme: Theme, label: str, *, judge: Judge | None = None
    ) -> None:
        super().__init__(master)
        self.is_new = judge is not None
        self._judge, self._due = judge, ""
        top = ttk.Frame(self)
        top.pack(fill="x")
        self.label = ttk.Label(top, text=label, style="Strong.TLabel")
        self.label.pack(side="left")
        self.reveal = ttk.Button(top, text=_("Show"), command=self._reveal, takefocus=False)
        link(self.reveal)
        self.reveal.pack(side="right")
        small = theme.px(GAP // 2)
        self.entry = LineField(self, theme, most_bytes=_MOST_BYTES, show=_HIDDEN)
        self.entry.pack(fill="x", pady=(small, 0))
        self.advice = ttk.Label(self, style="Quiet.TLabel")
        for event in ("<KeyRelease>", INSERTED):
            self.entry.bind(event, lambda _event: self._changed(), add="+")
        self.bind("<Configure>", lambda event: self.advice.configure(wraplength=event.width))
        self._small = small

    @property
    def value(self) -> str:
        """What is in the field."""
        return self.entry.get()

    def clear(self) -> None:
        """Empty the field, and hide what is typed next."""
        self.entry.configure(show=_HIDDEN)
        self.reveal.configure(text=_("Show"))
        self.entry.delete(0, "end")
        self.advice.pack_forget()

    def _reveal(self) -> None:
        is_hidden = bool(self.entry.cget("show"))
        self.entry.configure(show="" if is_hidden else _HIDDEN)
        self.reveal.configure(text=_("Hide") if is_hidden else _("Show"))

    def _changed(self) -> None:
        if self._due:
            self.after_cancel(self._due)
        self._due = self.after(_PAUSE_MILLISECONDS, self._ask)

    def _ask(self) -> None:
        self._due = ""
        if self._judge is not None and self.is_new and self.value:
            self._judge(self.value, self._say)
        else:
            self.advice.pack_forget()

    def _say(self, text: str, grade: Grade) -> None:
        if self.value and self.is_new:
            self.advice.configure(text=text, style=_STYLES[grade])
            self.advice.pack(fill="x", pady=(self._small, 0))
