"""The sign-in page."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from functools import partial
from tkinter import ttk
from typing import Final

from client.desktop.control.password_judge import PasswordJudgement
from client.desktop.pages.account_fields import AccountFields
from client.desktop.pages.servers import ServerForm, ServerList
from client.desktop.settings.preferences import Preferences
from client.desktop.settings.servers import SavedServer
from client.desktop.settings.tokens import Place
from client.desktop.theme.styles import accent, offer
from client.desktop.theme.theme import GAP, MARGIN, Theme
from client.desktop.tk.focus_scroll import scroll_with_focus
from client.desktop.tk.icon import icon
from client.desktop.widgets.fields import LineField
from client.desktop.widgets.password_field import Grade
from client.i18n.texts import N_, _
from client.model import (
    Problem,
    SignedOut,
    SigningIn,
    SignInMode,
    SignInRequest,
    shown_line,
)

_WIDTH: Final = 420
_MODES: Final[tuple[tuple[SignInMode, str], ...]] = (
    ("guest", N_("Go on as a guest")),
    ("account", N_("I have an account")),
    ("register", N_("Register")),
)
_SUBMITS: Final[dict[SignInMode, str]] = {
    "guest": N_("Come in"),
    "account": N_("Sign in"),
    "register": N_("Make the account"),
}
_LOGO: Final = 40


class SignInPage(ttk.Frame):
    """Asks who comes in and to which server, and shows why the last attempt failed.

    A nickname is all that a guest needs; the fields of an account come with a click.
    ``on_submit`` gets what was filled in; ``on_change`` gets all servers and the name of the chosen
    one; ``on_judge`` gets a password, a nickname, and whom to tell how good the password is.
    ``notice`` is a text to show above.
    """

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        preferences: Preferences,
        *,
        on_submit: Callable[[SignInRequest, SavedServer], None],
        on_cancel: Callable[[], None],
        on_change: Callable[[Sequence[SavedServer], str], None],
        on_judge: Callable[[str, str, Callable[[PasswordJudgement], None]], None],
        notice: str | None = None,
    ) -> None:
        super().__init__(master, style="Side.TFrame")
        self._theme = theme
        self._on_submit, self._on_change, self._on_judge = on_submit, on_change, on_judge
        self._servers: Sequence[SavedServer] = preferences.servers
        self._small, self._gap = theme.px(GAP // 2), theme.px(GAP)
        self._mode: SignInMode = "guest"
        self._problem: Problem | None = None
        self._is_trying = False
        self._scrolled = 0
        self.card = ttk.Frame(self, style="Side.Card.TFrame", padding=theme.px(2 * MARGIN))
        self.form = ServerForm(self, theme, on_done=self._edited)
        self.notice = ttk.Label(self.card, style="Warning.TLabel", text=notice or "")
        self._fill_card(preferences, on_cancel)
        self.servers.show(preferences.servers, preferences.server)
        self._show_mode("guest")
        self._turn_to(self.card)
        theme.dress(self, self._fit)
        for widget in (self, self.card, self.form):
            widget.bind("<Configure>", lambda _event: self._fit())
        scroll_with_focus(self, self._scroll, room=theme.px(4 * MARGIN))

    def _fill_card(self, preferences: Preferences, on_cancel: Callable[[], None]) -> None:
        card, gap = self.card, self._gap
        self._logo = tk.PhotoImage(master=card, data=icon(self._theme.px(_LOGO), 0))
        title = ttk.Label(
            card, text=_("Welcome"), image=self._logo, compound="left", style="Title.TLabel"
        )
        title.pack(anchor="w", pady=(0, self._theme.px(MARGIN)))
        if self.notice.cget("text"):
            self.notice.pack(anchor="w", pady=(0, gap))
        self.nick_label = ttk.Label(card, style="Strong.TLabel")
        self.nick_label.pack(anchor="w")
        self.entry = LineField(card, self._theme)
        self.entry.pack(fill="x", pady=(self._small, gap))
        self.entry.insert(0, preferences.nick)
        self.fields = AccountFields(card, self._theme, preferences, self._judge)
        self.problem = ttk.Label(card, style="Error.TLabel")
        self.suggestion = ttk.Button(card)
        self.instead = ttk.Button(card)
        self.servers = ServerList(
            card, self._theme, on_choose=self._submit, on_add=self._add, on_edit=self._edit
        )
        self.servers.pack(fill="x", pady=(0, gap))
        self.submit = ttk.Button(card, command=self._submit)
        accent(self.submit)
        self.submit.pack(fill="x")
        self._modes = ttk.Frame(card)
        self._modes.columnconfigure((0, 1), weight=1, uniform="half")
        self._modes.pack(fill="x", pady=(gap, 0))
        self._mode_buttons: dict[SignInMode, ttk.Button] = {
            mode: ttk.Button(self._modes, text=_(text), command=partial(self.choose_mode, mode))
            for mode, text in _MODES
        }
        self.progress = ttk.Label(card, style="Quiet.TLabel")
        self.cancel = ttk.Button(card, text=_("Cancel"), command=on_cancel)
        for button in (
            self.suggestion, self.instead, self.cancel, *self._mode_buttons.values(),
        ):  # fmt: skip
            offer(button)
        for entry in (self.entry, *self.fields.entries):
            for key in ("<Return>", "<KP_Enter>"):
                entry.bind(key, self._submit)
        for widget in (self.entry, *self.fields.entries, self.servers.rows.canvas, self.cancel):
            widget.bind("<Escape>", lambda _event: on_cancel())

    def draw(self, state: SignedOut | SigningIn) -> None:
        """Show who is asked for or being tried, and why the last attempt failed."""
        for widget in (self.problem, self.suggestion, self.instead, self.progress, self.cancel):
            widget.pack_forget()
        self._turn_to(self.card)
        match state:
            case SigningIn(nick):
                self._try(nick)
            case SignedOut(nick, problem, mode):
                self._ask(nick, problem, problem.mode or mode if problem else mode)

    def tick(self, now: int) -> None:
        """Show how long it is until it may be tried again."""
        if self._problem is not None and not self._is_trying:
            self.problem.configure(text=self._problem.told(now))
            waits = self._problem.seconds_left(now) > 0
            self.submit.configure(state="disabled" if waits else "normal")

    def focus_input(self) -> None:
        """Focus the first field that is empty, or else the form."""
        if not self.card.winfo_manager():
            self.form.addresses.focus_set()
        elif self._mode != "guest" and self.entry.get() and not self.fields.password.value:
            self.fields.password.entry.focus_set()
        else:
            self.entry.focus_set()

    def show_token_place(self, place: Place) -> None:
        """Say where it is kept that somebody stays signed in."""
        self.fields.show_token_place(place)

    def clear_secrets(self) -> None:
        """Empty the fields that nobody else is to find."""
        self.fields.enable(enabled=True)  # a disabled field cannot be emptied
        self.fields.password.clear()
        self.fields.invite.delete(0, "end")

    # --- who comes in -------------------------------------------------------------------------

    def choose_mode(self, mode: SignInMode) -> None:
        """Show what is needed to come in like this."""
        self._problem = None
        for widget in (self.problem, self.suggestion, self.instead):
            widget.pack_forget()
        self.submit.configure(state="normal")
        self._show_mode(mode)
        self.update_idletasks()  # what is not on the screen yet is not given the focus
        self.focus_input()

    def _show_mode(self, mode: SignInMode) -> None:
        self._mode = mode
        asks = _("Nickname") if mode == "account" else _("Choose a nickname")
        self.nick_label.configure(text=asks)
        self.submit.configure(text=_(_SUBMITS[mode]))
        if mode == "guest":
            self.fields.pack_forget()
        else:
            self.fields.show(mode)
            self.fields.pack(after=self.entry, fill="x")
        others = [button for each, button in self._mode_buttons.items() if each != mode]
        for button in self._mode_buttons.values():
            button.grid_forget()
        for column, button in enumerate(others):
            button.grid(row=0, column=column, sticky="ew", padx=(self._gap * column, 0))
        self._scrolled = 0
        self.after_idle(self._fit)

    def _fill_in(self, nick: str) -> None:
        self._enable(enabled=True)
        self.entry.delete(0, "end")
        self.entry.insert(0, nick)

    def _enable(self, *, enabled: bool) -> None:
        state = "normal" if enabled else "disabled"
        self.entry.configure(state=state)
        for button in (self.submit, *self._mode_buttons.values()):
            button.configure(state=state)
        self.fields.enable(enabled=enabled)
        self.servers.enable(enabled=enabled)

    def _try(self, nick: str) -> None:
        self._is_trying = True
        self._fill_in(nick)
        self._enable(enabled=False)
        self.progress.configure(text=_("Coming in as {nick} \u2026").format(nick=shown_line(nick)))
        self.progress.pack(fill="x", pady=(self._gap, 0))
        self.cancel.pack(fill="x", pady=(self._gap, 0))

    def _ask(self, nick: str, problem: Problem | None, mode: SignInMode) -> None:
        self._is_trying, self._problem = False, problem
        self._fill_in(nick or self.entry.get())
        self._show_mode(mode)
        if problem is not None:
            self._show_problem(problem)
        self.update_idletasks()  # what is not on the screen yet is not given the focus
        if problem is not None and problem.field == "password":
            self.fields.password.entry.focus_set()
            self.fields.password.entry.selection_range(0, "end")
        elif problem is not None and problem.field in ("invite", "device"):
            (self.fields.invite if problem.field == "invite" else self.fields.device).focus_set()
        else:
            self.focus_input()
            if mode == "guest" or self.fields.password.value:
                self.entry.selection_range(0, "end")

    def _show_problem(self, problem: Problem) -> None:
        """Show what is wrong below the field that it is about, and what helps."""
        self.problem.configure(text=problem.text)
        below = self.fields.field(problem.field) if self._mode != "guest" else None
        below = self.entry if problem.field == "nick" else below
        if below is not None:
            self.problem.pack(in_=below.master, after=below, fill="x", pady=(0, self._gap))
            self.problem.lift()
        else:
            self.problem.pack(in_=self.card, before=self.submit, fill="x", pady=(0, self._gap))
        last: tk.Widget = self.problem if problem.field == "nick" else self.servers
        if problem.registered and self._mode != "account":
            text = _("Sign in as {nick}").format(nick=shown_line(self.entry.get()))
            self.instead.configure(text=text, command=partial(self.choose_mode, "account"))
            self.instead.pack(after=last, fill="x", pady=(0, self._gap))
            last = self.instead
        if problem.suggestion is not None:
            text = _("Use {nick}").format(nick=problem.suggestion)
            use = partial(self._use, problem.suggestion)
            self.suggestion.configure(text=text, command=use)
            self.suggestion.pack(after=last, fill="x", pady=(0, self._gap))

    def _use(self, nick: str) -> None:
        self._fill_in(nick)
        self._submit()

    def _submit(self, _event: object = None) -> None:
        nick = self.entry.get().strip()
        if self.submit.instate(["disabled"]):
            return
        if not nick:
            self.entry.focus_set()
        elif self._mode != "guest" and not self.fields.password.value:
            self.fields.password.entry.focus_set()
        else:
            request = SignInRequest(nick)
            if self._mode != "guest":
                request = self.fields.request(nick, self._mode)
            self._on_submit(request, self.servers.chosen)

    def _judge(self, password: str, show: Callable[[str, Grade], None]) -> None:
        self._on_judge(password, self.entry.get().strip(), lambda j: show(j.text, j.grade))

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
        """Make the card as wide as its text needs, and place it so that it is in sight."""
        theme = self._theme
        width = min(theme.px(_WIDTH * theme.size // theme.usual_size), theme.px(640))
        height = self.winfo_height()
        for card in (self.card, self.form):
            if card.winfo_manager():
                left = height - card.winfo_reqheight()
                self._scrolled = min(max(self._scrolled, 0), max(-left, 0))
                y = min(round(0.14 * height), left // 2) if left > 0 else -self._scrolled
                card.place_configure(width=width, y=y)
        for label in (
            self.notice, self.problem, self.progress, self.servers.addresses,
            self.form.hint, self.form.problem,
        ):  # fmt: skip
            label.configure(wraplength=width - 4 * theme.px(MARGIN))

    def _scroll(self, by: int) -> None:
        """Move the card up, if it is higher than the page."""
        self._scrolled += by
        self._fit()
