"""The help: all keys and commands."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk
from typing import Final

from client.desktop.control.shortcuts import described
from client.desktop.theme.styles import offer
from client.desktop.theme.theme import GAP, MARGIN, Theme
from client.desktop.tk.scrollbar import QuietScrollbar
from client.i18n.texts import N_, _
from client.model.commands import COMMANDS

_MORE_KEYS: Final = (
    (N_("Enter"), N_("Send")),
    (N_("Shift+Enter"), N_("New line")),
    (N_("Tab"), N_("Complete a nickname, a command or an emoji")),
    (N_("Up, Down"), N_("What you said earlier, from an empty field")),
    (N_("PageUp, PageDown"), N_("Scroll the conversation")),
    (
        N_("Left, Right"),
        N_("In the messages: to the link before, to the next one; Enter opens it"),
    ),
    (N_("Enter, Shift+Enter"), N_("In a search: to the place before, to the next one")),
    (N_("Escape"), N_("Close what stands before the conversation")),
)


class HelpPage(ttk.Frame):
    """Lists keys and commands over the whole window."""

    def __init__(self, master: tk.Misc, theme: Theme, on_closed: Callable[[], None]) -> None:
        super().__init__(master)
        self._theme, self._on_closed = theme, on_closed
        margin, gap = theme.px(MARGIN), theme.px(GAP)
        head = ttk.Frame(self)
        head.pack(fill="x", padx=(margin, gap), pady=gap)
        ttk.Label(head, text=_("Keys and commands"), style="Title.TLabel").pack(side="left")
        close = ttk.Button(head, text=_("Close"), command=self.close)
        offer(close)
        close.pack(side="right")
        ttk.Frame(self, style="Rule.TFrame", height=1).pack(fill="x")
        self.text = tk.Text(self, cursor="arrow", width=1, height=1)
        self._widest = ""
        self._fill()
        theme.dress_field(self.text)
        theme.dress(self.text, self._dress)
        scrollbar = QuietScrollbar(self, self.text)
        self.text.configure(yscrollcommand=scrollbar.set)
        scrollbar.pack(side="right", fill="y")
        self.text.pack(side="left", fill="both", expand=True, padx=(margin, 0))
        self.text.bind("<Escape>", lambda _: self.close())

    @property
    def is_open(self) -> bool:
        """Whether it is shown."""
        return bool(self.winfo_manager())

    def toggle(self) -> None:
        """Show or hide it."""
        if self.is_open:
            self.close()
        else:
            self.place(relx=0.0, rely=0.0, relwidth=1.0, relheight=1.0)
            self.lift()
            self.update_idletasks()  # what is not on the screen yet is not given the focus
            self.text.focus_set()

    def close(self) -> str:
        """Hide it."""
        if self.is_open:
            self.place_forget()
            self._on_closed()
        return "break"

    def _dress(self) -> None:
        theme = self._theme
        column = theme.bold.measure(self._widest) + 2 * theme.px(MARGIN)
        self.text.configure(tabs=(column,), pady=theme.px(GAP))
        self.text.tag_configure("row", lmargin2=column, spacing1=theme.px(3), spacing3=theme.px(3))
        self.text.tag_configure("key", font=theme.bold)
        self.text.tag_configure(
            "section", font=theme.small_bold, foreground=theme.palette.quiet,
            spacing1=theme.px(MARGIN), spacing3=theme.px(GAP // 2),
        )  # fmt: skip

    def _fill(self) -> None:
        self._section(_("Keys"), [*described(), *((_(keys), _(what)) for keys, what in _MORE_KEYS)])
        self._section(
            _("Commands"),
            [
                (f"/{c.name} {_(c.arguments) if c.arguments else ''}".rstrip(), _(c.description))
                for c in COMMANDS
            ],
        )
        self.text.configure(state="disabled")

    def _section(self, title: str, rows: Sequence[tuple[str, str]]) -> None:
        self.text.insert("end", f"{title.upper()}\n", "section")
        for left, right in rows:
            self._widest = max(self._widest, left, key=self._theme.bold.measure)
            self.text.insert("end", left, ("row", "key"), f"\t{right}\n", "row")
