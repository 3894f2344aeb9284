"""The bar above the messages: the conversation's name, its members or status, and buttons."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from client.desktop.theme.styles import inform, quieten
from client.desktop.theme.theme import Theme
from client.i18n.texts import _, ngettext
from client.model import Chat, Conversation, shown_line, state_text


class Header(ttk.Frame):
    """The name of the conversation, its members or status, and buttons to search, mute, leave."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        *,
        on_leave: Callable[[], None],
        on_mute: Callable[[], None],
        on_search: Callable[[], None],
        on_members: Callable[[], None],
    ) -> None:
        super().__init__(master)
        self._theme = theme
        self._shown = ("", "")
        self.columnconfigure(0, weight=1)
        self.title = ttk.Label(self, style="Title.TLabel", width=1)
        self.title.grid(row=0, column=0, sticky="ew")
        self.about = ttk.Button(self, command=on_members, width=1)
        inform(self.about)
        self.about.grid(row=1, column=0, sticky="ew", pady=(theme.px(1), 0))
        self._search = ttk.Button(self, text=_("Search"), command=on_search)
        self._mute = ttk.Button(self, command=on_mute)
        self._leave = ttk.Button(self, text=_("Leave"), command=on_leave)
        for column, button in enumerate((self._search, self._mute, self._leave), 1):
            quieten(button)
            button.grid(row=0, column=column, rowspan=2)
        self.bind("<Configure>", lambda _: self._fit())
        self.title.bind("<Configure>", lambda _: self._shorten())
        theme.dress(self, self._fit)

    def draw(self, chat: Chat, conversation: Conversation, *, muted: bool) -> None:
        """Bring the header up to date."""
        self._mute.configure(text=_("Unmute") if muted else _("Mute"))
        about = ""
        if conversation.is_direct:
            person = chat.person(conversation.name)
            about = state_text(person.state) if person else _("In no room with you")
            if person is not None and person.registered:
                about = _("{status}, has an account").format(status=about)
            about = f"{about} \u2013 {shown_line(person.text)}" if person and person.text else about
        elif members := conversation.people.listed:
            count = ngettext("{count:,} member", "{count:,} members", len(members))
            about = count.format(count=len(members))
            away = sum(member.state != "online" for member in members)
            if away:
                about += ", " + _("{count:,} away or busy").format(count=away)
        leads_on = not conversation.is_direct
        self.about.configure(
            state="normal" if leads_on else "disabled", cursor="hand2" if leads_on else ""
        )
        if self._shown != (conversation.title, about):
            self._shown = (conversation.title, about)
            self._fit()

    def _fit(self) -> None:
        """Leave room for the name, and hide buttons for it that have a key as well."""
        left = self.winfo_width() - self._theme.title.measure(self._shown[0])
        for button in (self._leave, self._search, self._mute):
            left -= button.winfo_reqwidth()
            if left >= 0 or button is self._leave:
                button.grid()
            else:
                button.grid_remove()
        self._shorten()

    def _shorten(self) -> None:
        theme, width = self._theme, self.title.winfo_width()
        title, about = self._shown
        self.title.configure(text=theme.shorten(title, theme.title, width))
        self.about.configure(text=theme.shorten(about, theme.small, width))
