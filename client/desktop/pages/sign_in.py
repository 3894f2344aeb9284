"""The sign-in page."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from functools import partial
from tkinter import ttk
from typing import Final

from client.desktop.pages.servers import ServerForm, ServerList
from client.desktop.settings.preferences import Preferences
from client.desktop.settings.servers import SavedServer
from client.desktop.theme.styles import accent, offer
from client.desktop.theme.theme import GAP, MARGIN, Theme
from client.desktop.tk.icon import icon
from client.desktop.widgets.fields import LineField
from client.i18n.texts import _
from client.model import SignedOut, SigningIn, shown_line

_WIDTH: Final = 420
_LOGO: Final = 40


class SignInPage(ttk.Frame):
    """Asks for a nickname and a server, and shows why the last attempt failed.

    ``on_submit`` gets both; ``on_change`` gets all servers and the name of the chosen one.
    ``notice`` is a text to show above.
    """

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        preferences: Preferences,
        *,
        on_submit: Callable[[str, SavedServer], None],
        on_cancel: Callable[[], None],
        on_change: Callable[[Sequence[SavedServer], str], None],
        notice: str | None = None,
    ) -> None:
        super().__init__(master, style="Side.TFrame")
        self._theme = theme
        self._on_submit, self._on_change = on_submit, on_change
        self._servers: Sequence[SavedServer] = preferences.servers
        self._small, self._gap = theme.px(GAP // 2), theme.px(GAP)
        self.card = ttk.Frame(self, style="Side.Card.TFrame", padding=theme.px(2 * MARGIN))
        self.form = ServerForm(self, theme, on_done=self._edited)
        self.notice = ttk.Label(self.card, style="Warning.TLabel", text=notice or "")
        self._fill_card(preferences.nick, on_cancel)
        self.servers.show(preferences.servers, preferences.server)
        self._turn_to(self.card)
        theme.dress(self, self._fit)
        for widget in (self, self.card, self.form):
            widget.bind("<Configure>", lambda _event: self._fit())

    def _fill_card(self, nick: str, on_cancel: Callable[[], None]) -> None:
        card, gap = self.card, self._gap
        self._logo = tk.PhotoImage(master=card, data=icon(self._theme.px(_LOGO), 0))
        title = ttk.Label(
            card, text=_("Welcome"), image=self._logo, compound="left", style="Title.TLabel"
        )
        title.pack(anchor="w", pady=(0, self._theme.px(MARGIN)))
        if self.notice.cget("text"):
            self.notice.pack(anchor="w", pady=(0, gap))
        ttk.Label(card, text=_("Choose a nickname"), style="Strong.TLabel").pack(anchor="w")
        self.entry = LineField(card, self._theme)
        self.entry.pack(fill="x", pady=(self._small, gap))
        self.entry.bind("<Return>", self._submit)
        self.entry.bind("<KP_Enter>", self._submit)
        self.entry.insert(0, nick)
        self.servers = ServerList(
            card, self._theme, on_choose=self._submit, on_add=self._add, on_edit=self._edit
        )
        self.servers.pack(fill="x", pady=(0, 2 * gap))
        self.problem = ttk.Label(card, style="Error.TLabel")
        self.suggestion = ttk.Button(card)
        offer(self.suggestion)
        self.submit = ttk.Button(card, text=_("Come in"), command=self._submit)
        accent(self.submit)
        self.submit.pack(fill="x")
        self.progress = ttk.Label(card, style="Quiet.TLabel")
        self.cancel = ttk.Button(card, text=_("Cancel"), command=on_cancel)
        offer(self.cancel)
        for widget in (self.entry, self.servers.rows.canvas, self.cancel):
            widget.bind("<Escape>", lambda _event: on_cancel())

    def draw(self, state: SignedOut | SigningIn) -> None:
        """Show whether a nickname is asked for or being tried, and why the last one failed."""
        for widget in (self.problem, self.suggestion, self.progress, self.cancel):
            widget.pack_forget()
        self._turn_to(self.card)
        match state:
            case SigningIn(nick):
                self._try(nick)
            case SignedOut(nick, problem, suggestion):
                self._ask(nick, problem, suggestion)

    def focus_input(self) -> None:
        """Focus the nickname, or else the form."""
        (self.entry if self.card.winfo_manager() else self.form.addresses).focus_set()

    # --- a nickname ---------------------------------------------------------------------------

    def _fill_in(self, nick: str) -> None:
        self.entry.configure(state="normal")
        self.entry.delete(0, "end")
        self.entry.insert(0, nick)

    def _try(self, nick: str) -> None:
        self._fill_in(nick)
        self.entry.configure(state="disabled")
        self.submit.configure(state="disabled")
        self.servers.enable(enabled=False)
        self.progress.configure(text=_("Coming in as {nick} \u2026").format(nick=shown_line(nick)))
        self.progress.pack(fill="x", pady=(self._gap, 0))
        self.cancel.pack(fill="x", pady=(self._gap, 0))

    def _ask(self, nick: str, problem: str | None, suggestion: str | None) -> None:
        self._fill_in(nick or self.entry.get())
        self.submit.configure(state="normal")
        self.servers.enable(enabled=True)
        if problem is not None:
            self.problem.configure(text=problem)
            self.problem.pack(before=self.submit, fill="x", pady=(0, self._gap))
        if suggestion is not None:
            use = partial(self._come_in, suggestion)
            text = _("Use {nick}").format(nick=suggestion)
            self.suggestion.configure(text=text, command=use)
            self.suggestion.pack(before=self.submit, fill="x", pady=(0, self._gap))
        self.entry.focus_set()
        self.entry.selection_range(0, "end")

    def _submit(self, _event: object = None) -> None:
        nick = self.entry.get().strip()
        if nick:
            self._come_in(nick)
        else:
            self.entry.focus_set()

    def _come_in(self, nick: str) -> None:
        self._on_submit(nick, self.servers.chosen)

    # --- the servers --------------------------------------------------------------------------

    def _add(self) -> None:
        self._turn_to(self.form)
        self.form.ask(self._servers)

    def _edit(self) -> None:
        self._turn_to(self.form)
        self.form.ask(self._servers, self.servers.chosen)

    def _edited(self, servers: Sequence[SavedServer], name: str) -> None:
        name = name or self.servers.chosen.name
        self._servers = tuple(servers)
        self.servers.show(self._servers, name)
        self._on_change(self._servers, name)
        self._turn_to(self.card)
        self.entry.focus_set()

    # --- where it is all ----------------------------------------------------------------------

    def _turn_to(self, card: ttk.Frame) -> None:
        for other in (self.card, self.form):
            if other is not card:
                other.place_forget()
        card.place(relx=0.5, anchor="n")
        self._fit()

    def _fit(self) -> None:
        """Make the card as wide as its text needs, and place it so that all of it is in sight."""
        theme = self._theme
        width = min(theme.px(_WIDTH * theme.size // theme.usual_size), theme.px(640))
        height = self.winfo_height()
        for card in (self.card, self.form):
            if card.winfo_manager():
                left = max(height - card.winfo_reqheight(), 0)
                card.place_configure(width=width, y=min(round(0.14 * height), left // 2))
        for label in (
            self.notice, self.problem, self.progress, self.servers.addresses,
            self.form.hint, self.form.problem,
        ):  # fmt: skip
            label.configure(wraplength=width - 4 * theme.px(MARGIN))
