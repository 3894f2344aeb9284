"""The page about one's account: devices, password, signing out; for a guest, how to get one."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk
from typing import Final

from client.desktop.control.password_judge import PasswordJudgement
from client.desktop.pages.account_sections import (
    AccountActions,
    AccountSection,
    DeleteSection,
    DevicesSection,
    LeaveSection,
    PasswordSection,
    RegisterSection,
    SignOutSection,
)
from client.desktop.pages.overlay import Overlay
from client.desktop.settings.preferences import Preferences
from client.desktop.settings.tokens import Place
from client.desktop.theme.theme import GAP, MARGIN, Theme
from client.desktop.widgets.password_field import Grade
from client.desktop.widgets.rows import Row, Rows
from client.desktop.widgets.scrolled import Scrolled
from client.i18n.texts import _
from client.model import Chat, shown_line

_SIDE_COLUMNS: Final = 20
_WIDTH: Final = 480
_MOST_OF_WIDTH: Final = 0.34


class AccountPage(Overlay):
    """Shows one section over the whole window, beside a list of all of them."""

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        preferences: Preferences,
        actions: AccountActions,
        *,
        on_judge: Callable[[str, str, Callable[[PasswordJudgement], None]], None],
        on_closed: Callable[[], None],
    ) -> None:
        super().__init__(master, theme, on_closed)
        self._on_judge = on_judge
        self._nick, self._kind, self._now = "", "", 0
        gap = theme.px(GAP)
        self._side = ttk.Frame(self, style="Side.TFrame")
        self._side.pack_propagate(flag=False)
        self._side.pack(side="left", fill="y")
        self.rows = Rows(self._side, theme, ground="surface", on_choose=self._choose)
        self.rows.pack(fill="both", expand=True, padx=gap, pady=gap)
        ttk.Frame(self, style="Rule.TFrame", width=1).pack(side="left", fill="y")
        self._pane = Scrolled(self, theme)
        self._pane.pack(side="left", fill="both", expand=True)
        content = self._pane.content
        self.password = PasswordSection(content, theme, actions, self._judge)
        self.registration = RegisterSection(content, theme, actions, preferences, self._judge)
        self.deletion = DeleteSection(content, theme, actions)
        self._all: Sequence[AccountSection] = (
            DevicesSection(content, theme, actions),
            self.password,
            self.registration,
            SignOutSection(content, theme, actions),
            LeaveSection(content, theme, actions),
            self.deletion,
        )
        self._offered: Sequence[AccountSection] = ()
        self._shown: AccountSection | None = None
        self.winfo_toplevel().bind("<Escape>", lambda _event: self.close(), add="+")
        for widget in (self, self._pane):
            widget.bind("<Configure>", lambda _event: self._fit(), add="+")
        theme.dress(self, self._fit)

    def opened(self) -> tk.Misc:
        """Show the first section, and return the list of all."""
        self._choose(0)
        return self.rows.canvas

    def ask_for_password(self) -> None:
        """Open the section where the password is changed, since it has to be."""
        if not self.is_open:
            self.toggle()
        self._choose(self._offered.index(self.password))
        self.password.ask_for_new()

    def draw(self, chat: Chat, now: int) -> None:
        """Offer what the person may do now."""
        kind = "guest" if chat.account is None else "account"
        self._now = now
        if (kind, chat.nick) == (self._kind, self._nick):
            return
        has_turned = kind != self._kind
        self._kind, self._nick = kind, chat.nick
        title = _("{nick}, a guest") if kind == "guest" else _("The account {nick}")
        self.title.configure(text=title.format(nick=shown_line(chat.nick)))
        if has_turned:
            self._offered = [each for each in self._all if each.takes == kind]
            self.rows.show_all([Row(_(each.name)) for each in self._offered], 0)
            self._choose(0)

    def show_token_place(self, place: Place) -> None:
        """Say where it is kept that somebody stays signed in."""
        self.registration.fields.show_token_place(place)

    def _choose(self, number: int) -> None:
        self.rows.choose(number)
        if self._shown is not None:
            self._shown.pack_forget()
        self._shown = self._offered[number]
        margin = self._theme.px(2 * MARGIN)
        self._shown.pack(fill="x", padx=margin, pady=margin)
        self._fit()
        self._pane.scroll(-self._pane.winfo_height())
        if self.is_open:
            self._shown.open(self._nick, self._now)

    def _judge(self, password: str, show: Callable[[str, Grade], None]) -> None:
        self._on_judge(password, self._nick, lambda j: show(j.text, j.grade))

    def _fit(self) -> None:
        """Make the section as wide as its text is read well, or as there is room."""
        theme = self._theme
        side = min(theme.columns(_SIDE_COLUMNS), round(_MOST_OF_WIDTH * self.winfo_width()))
        self._side.configure(width=max(side, 1))
        if self._shown is not None:
            margin = theme.px(2 * MARGIN)
            width = theme.px(_WIDTH * theme.size // theme.usual_size)
            left = self._pane.winfo_width() - width - 2 * margin
            self._shown.pack_configure(padx=(margin, margin + max(left, 0)))
