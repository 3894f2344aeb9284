"""The help: all keys and commands."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from typing import Final

from client.desktop.control.shortcuts import described
from client.desktop.pages.overlay import Overlay
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


class HelpPage(Overlay):
    """Lists keys and commands over the whole window."""

    def __init__(self, master: tk.Misc, theme: Theme, on_closed: Callable[[], None]) -> None:
        super().__init__(master, theme, on_closed, title=_("Keys and commands"))
        self.text = tk.Text(self, cursor="arrow", width=1, height=1)
        self._widest = ""
        self._fill()
        theme.dress_field(self.text)
        theme.dress(self.text, self._dress)
        scrollbar = QuietScrollbar(self, self.text)
        self.text.configure(yscrollcommand=scrollbar.set)
        scrollbar.pack(side="right", fill="y")
        self.text.pack(side="left", fill="both", expand=True, padx=(theme.px(MARGIN), 0))
        self.text.bind("<Escape>", lambda _: self.close())

    def opened(self) -> tk.Misc:
        """Return the text, which is scrolled by keys."""
        return self.text

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
