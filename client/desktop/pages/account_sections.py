"""The sections of the page about one's account."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from functools import partial
from tkinter import ttk
from typing import ClassVar, Final, Protocol

from client.desktop.pages.account_fields import AccountFields
from client.desktop.settings.preferences import Preferences
from client.desktop.theme.styles import accent, offer, warn
from client.desktop.theme.theme import GAP, MARGIN, Theme
from client.desktop.widgets.password_field import Judge, PasswordField
from client.desktop.widgets.rows import Row, Rows
from client.desktop.widgets.tick_box import TickBox
from client.i18n.texts import N_, _
from client.model import Problem, SignInRequest, shown_line
from client.model.devices import last_seen_text
from gateway import wire

_MOST_ROWS: Final = 6

Done = Callable[[Problem | None], None]


class AccountActions(Protocol):
    """What somebody may do about their account; everything returns at once, and ``done`` follows.

    It gets why something was not possible, None once it is done.
    """

    def list_devices(self, show: Callable[[Sequence[wire.Device]], None], done: Done) -> None:
        """Call ``show`` with the devices that are signed in."""

    def sign_out_device(self, device: str, done: Done) -> None:
        """Sign out another device."""

    def sign_out_others(self, done: Done) -> None:
        """Sign out all devices but this one."""

    def change_password(self, old: str, new: str, *, sign_out_others: bool, done: Done) -> None:
        """Change the password."""

    def register(self, request: SignInRequest, done: Done) -> None:
        """Make an account of the guest, who keeps the nickname and the rooms."""

    def sign_out(self, done: Done) -> None:
        """Sign out this device."""

    def delete_account(self, password: str, done: Done) -> None:
        """Delete the account."""


class AccountSection(ttk.Frame):
    """One section: a title, what it is about, fields, a button, and what came of it."""

    name: ClassVar[str] = ""
    about: ClassVar[str] = ""
    takes: ClassVar[str] = "account"
    """Whom it is for: ``account`` or ``guest``."""

    def __init__(self, master: tk.Misc, theme: Theme, actions: AccountActions) -> None:
        super().__init__(master)
        self.theme, self.actions = theme, actions
        self.nick, self.now = "", 0
        self.gap = theme.px(GAP)
        ttk.Label(self, text=_(self.name), style="Title.TLabel").pack(anchor="w")
        self.text = ttk.Label(self, text=_(self.about), style="Quiet.TLabel")
        self.text.pack(anchor="w", fill="x", pady=(self.gap, theme.px(MARGIN)))
        self.body = ttk.Frame(self)
        self.body.pack(fill="x")
        self.outcome = ttk.Label(self, style="Error.TLabel")
        self.outcome.pack(anchor="w", fill="x", pady=(self.gap, 0))
        self.bind("<Configure>", lambda event: self._fit(event.width))

    def open(self, nick: str, now: int) -> None:
        """Show it anew, for whoever has this nickname."""
        self.nick, self.now = nick, now
        self.say("")

    def say(self, text: str, style: str = "Good") -> None:
        """Say what came of the last request."""
        self.outcome.configure(text=text, style=f"{style}.TLabel")

    def done(self, problem: Problem | None, success: str = "") -> None:
        """Say that the last request is done, or why it is not."""
        if problem is None:
            self.say(success)
        else:
            self.say(problem.text, "Error")

    def button(self, text: str, command: Callable[[], None]) -> ttk.Button:
        """Return a new button at the end of the section."""
        made = ttk.Button(self.body, text=text, command=command)
        made.pack(anchor="w", pady=(self.gap, 0))
        return made

    def _fit(self, width: int) -> None:
        for label in (self.text, self.outcome):
            label.configure(wraplength=width)


class DevicesSection(AccountSection):
    """Lists where the account is signed in, and signs devices out."""

    name = N_("Devices")
    about = N_("This is where you are signed in. A device that you sign out needs the password.")

    def __init__(self, master: tk.Misc, theme: Theme, actions: AccountActions) -> None:
        super().__init__(master, theme, actions)
        box = ttk.Frame(self.body, style="Card.TFrame", padding=theme.px(GAP // 2))
        box.pack(fill="x")
        self.rows = Rows(box, theme, on_choose=lambda _number: self._offer())
        self.rows.pack(fill="x")
        buttons = ttk.Frame(self.body)
        buttons.pack(fill="x", pady=(self.gap, 0))
        self.one = ttk.Button(buttons, text=_("Sign out"), command=self._sign_out)
        self.others = ttk.Button(
            buttons, text=_("Sign out all others"), command=self._sign_out_others
        )
        for button in (self.one, self.others):
            offer(button)
            button.pack(side="left", padx=(0, self.gap))
        self._devices: Sequence[wire.Device] = ()

    def open(self, nick: str, now: int) -> None:
        """Ask the server for the devices."""
        super().open(nick, now)
        self._ask()

    def _ask(self, said: str = "") -> None:
        self.actions.list_devices(self._show, partial(self.done, success=said))

    def _show(self, devices: Sequence[wire.Device]) -> None:
        self._devices = sorted(devices, key=lambda device: not device.current)
        rows = [
            Row(
                shown_line(device.name) or _("Without a name"),
                note=last_seen_text(device, self.now),
                strong=device.current,
            )
            for device in self._devices
        ]
        self.rows.show_all(rows, min(1, len(rows) - 1) if rows else None)
        self.rows.set_height(min(max(len(rows), 2), _MOST_ROWS))
        self._offer()

    def _offer(self) -> None:
        chosen = self.rows.chosen
        is_other = chosen is not None and not self._devices[chosen].current
        self.one.configure(state="normal" if is_other else "disabled")
        self.others.configure(state="normal" if len(self._devices) > 1 else "disabled")

    def _sign_out(self) -> None:
        chosen = self.rows.chosen
        if chosen is not None:
            device = self._devices[chosen]
            said = _("{device} is signed out.").format(device=shown_line(device.name))
            self.actions.sign_out_device(device.id, partial(self._signed_out, said))

    def _sign_out_others(self) -> None:
        said = _("All other devices are signed out.")
        self.actions.sign_out_others(partial(self._signed_out, said))

    def _signed_out(self, said: str, problem: Problem | None) -> None:
        if problem is not None:
            self.done(problem)
        else:
            self._ask(said)


class PasswordSection(AccountSection):
    """Changes the password."""

    name = N_("Password")
    about = N_("Whoever knows it can sign in as you. Long ones, of several words, are best.")

    def __init__(
        self, master: tk.Misc, theme: Theme, actions: AccountActions, judge: Judge
    ) -> None:
        super().__init__(master, theme, actions)
        self.old = PasswordField(self.body, theme, _("The password so far"))
        self.old.pack(fill="x", pady=(0, self.gap))
        self.new = PasswordField(self.body, theme, _("The new password"), judge=judge)
        self.new.pack(fill="x", pady=(0, self.gap))
        self.others = TickBox(self.body, theme, _("Sign out my other devices"), ticked=True)
        self.others.pack(anchor="w")
        accent(self.button(_("Change the password"), self._change))
        for field in (self.old, self.new):
            field.entry.bind("<Return>", lambda _event: self._change())

    def open(self, nick: str, now: int) -> None:
        """Show empty fields."""
        super().open(nick, now)
        self.old.clear()
        self.new.clear()

    def ask_for_new(self) -> None:
        """Say that the code of an operator was used, and has to be replaced."""
        self.say(_("You came in with a code that works once. Choose a new password."), "Warning")

    def _change(self) -> None:
        empty = next((field for field in (self.old, self.new) if not field.value), None)
        if empty is not None:
            empty.entry.focus_set()
            return
        self.actions.change_password(
            self.old.value,
            self.new.value,
            sign_out_others=self.others.ticked,
            done=self._changed,
        )

    def _changed(self, problem: Problem | None) -> None:
        if problem is None:
            self.old.clear()
            self.new.clear()
        self.done(problem, _("The password is changed."))


class RegisterSection(AccountSection):
    """Makes an account of a guest."""

    name = N_("Register")
    about = N_(
        "With an account your nickname stays yours, on all your devices, and messages to you wait "
        "while you are away. You stay in your rooms."
    )
    takes = "guest"

    def __init__(
        self,
        master: tk.Misc,
        theme: Theme,
        actions: AccountActions,
        preferences: Preferences,
        judge: Judge,
    ) -> None:
        super().__init__(master, theme, actions)
        self.fields = AccountFields(self.body, theme, preferences, judge)
        self.fields.show("register")
        self.fields.pack(fill="x")
        self.submit = self.button("", self._make_account)
        accent(self.submit)
        for entry in self.fields.entries:
            entry.bind("<Return>", lambda _event: self._make_account())

    def open(self, nick: str, now: int) -> None:
        """Offer to register this nickname."""
        super().open(nick, now)
        self.submit.configure(text=_("Register {nick}").format(nick=shown_line(nick)))

    def _make_account(self) -> None:
        if self.fields.password.value:
            self.say(_("The account is being made \u2026"), "Quiet")
            request = self.fields.request(self.nick, "register")
            self.actions.register(request, self._made)
        else:
            self.fields.password.entry.focus_set()

    def _made(self, problem: Problem | None) -> None:
        if problem is None:
            self.fields.password.clear()
        self.done(problem)


class SignOutSection(AccountSection):
    """Signs out this device."""

    name = N_("Sign out")
    about = N_(
        "This window then shows nothing of your conversations any more, and what you have not sent "
        "is dropped. To come in again you need your password."
    )

    def __init__(self, master: tk.Misc, theme: Theme, actions: AccountActions) -> None:
        super().__init__(master, theme, actions)
        accent(self.button(_("Sign out on this device"), lambda: actions.sign_out(self.done)))


class LeaveSection(SignOutSection):
    """Ends a guest's session, so that somebody else can come in."""

    about = N_("You give up your nickname, and come to the first page: sign in there, if you can.")
    takes = "guest"


class DeleteSection(AccountSection):
    """Deletes the account."""

    name = N_("Delete the account")
    about = N_(
        "All your devices are signed out, and your rooms and your conversations are gone. What you "
        "have said in rooms stays there. Nobody can take your nickname for 30 days; "
        "then it is free. This cannot be taken back."
    )

    def __init__(self, master: tk.Misc, theme: Theme, actions: AccountActions) -> None:
        super().__init__(master, theme, actions)
        self.password = PasswordField(self.body, theme, _("Your password"))
        self.password.pack(fill="x")
        warn(self.button(_("Delete my account"), self._delete))

    def open(self, nick: str, now: int) -> None:
        """Show an empty field."""
        super().open(nick, now)
        self.password.clear()

    def _delete(self) -> None:
        if self.password.value:
            self.actions.delete_account(self.password.value, self.done)
        else:
            self.password.entry.focus_set()
