"""The fields of somebody who signs in or registers: password, invitation, device."""

from __future__ import annotations

import platform
import tkinter as tk
from collections.abc import Sequence
from tkinter import ttk

from client.desktop.settings.preferences import Preferences
from client.desktop.settings.tokens import Place
from client.desktop.theme.theme import GAP, Theme
from client.desktop.widgets.fields import LineField
from client.desktop.widgets.password_field import Judge, PasswordField
from client.desktop.widgets.tick_box import TickBox
from client.i18n.texts import _
from client.model import SignInField, SignInMode, SignInRequest
from client.text.fitting import fitting

_MOST_DEVICE_BYTES = 64


def machine_name() -> str:
    """Return what the machine is called, as the name of this device."""
    return fitting(platform.node(), _MOST_DEVICE_BYTES) or _("Computer")


class AccountFields(ttk.Frame):
    """Asks for what an account needs beside the nickname."""

    def __init__(
        self, master: tk.Misc, theme: Theme, preferences: Preferences, judge: Judge
    ) -> None:
        super().__init__(master)
        gap, small = theme.px(GAP), theme.px(GAP // 2)
        self.password = PasswordField(self, theme, _("Password"), judge=judge)
        self.password.pack(fill="x", pady=(0, gap))
        self.pair = ttk.Frame(self)
        self.pair.pack(fill="x", pady=(0, gap))
        self.pair.columnconfigure((0, 1), weight=1, uniform="half")
        self._invite_label = ttk.Label(self.pair, text=_("Invitation"), style="Strong.TLabel")
        self._invite_hint = ttk.Label(self.pair, text=_("if you have one"), style="Quiet.TLabel")
        self.invite = LineField(self.pair, theme, width=1)
        self._device_label = ttk.Label(self.pair, text=_("This device"), style="Strong.TLabel")
        self._device_hint = ttk.Label(self.pair, text=_("a name for it"), style="Quiet.TLabel")
        self.device = LineField(self.pair, theme, width=1)
        self.device.insert(0, preferences.device or machine_name())
        self.stays = TickBox(self, theme, _("Stay signed in"), ticked=preferences.stays_signed_in)
        self.stays.pack(anchor="w")
        self.token_place = ttk.Label(self, style="Quiet.TLabel")
        self.token_place.pack(anchor="w", pady=(small, gap))
        self.bind("<Configure>", lambda event: self._fit(event.width))
        self._gap, self._small = gap, small

    @property
    def entries(self) -> tuple[ttk.Entry, ...]:
        """The fields to write in."""
        return self.password.entry, self.invite, self.device

    def show(self, mode: SignInMode) -> None:
        """Show the fields for an account that is there, or for a new one."""
        is_new = mode == "register"
        self.password.is_new = is_new
        self.password.label.configure(text=_("Choose a password") if is_new else _("Password"))
        for widget in self.pair.grid_slaves():
            widget.grid_forget()
        if is_new:
            self._place(0, self._invite_label, self._invite_hint, self.invite)
        self._place(int(is_new), self._device_label, self._device_hint, self.device)

    def _place(self, column: int, label: ttk.Label, hint: ttk.Label, field: LineField) -> None:
        span = 1 if self.password.is_new else 2
        left = self._gap if column else 0
        label.grid(row=0, column=column, columnspan=span, sticky="w", padx=(left, 0))
        hint.grid(row=1, column=column, columnspan=span, sticky="w", padx=(left, 0))
        field.grid(
            row=2, column=column, columnspan=span, sticky="ew", padx=(left, 0),
            pady=(self._small, 0),
        )  # fmt: skip

    def show_token_place(self, place: Place) -> None:
        """Say where it is kept that somebody stays signed in."""
        in_keyring = _("The keyring of this system keeps it.")
        in_file = _("This system has no keyring: a file that only you can read keeps it.")
        self.token_place.configure(text=in_keyring if place == "keyring" else in_file)

    def field(self, name: SignInField) -> tk.Widget | None:
        """Return what a problem with a field is shown below; None if it is none of these."""
        return {"password": self.password, "invite": self.pair, "device": self.pair}.get(name)

    def enable(self, *, enabled: bool) -> None:
        """Enable or disable all of it."""
        widgets: Sequence[ttk.Entry | ttk.Button] = (*self.entries, self.stays)
        for widget in widgets:
            widget.configure(state="normal" if enabled else "disabled")

    def request(self, nick: str, mode: SignInMode) -> SignInRequest:
        """Return what was filled in."""
        return SignInRequest(
            nick,
            mode,
            password=self.password.value,
            invite=self.invite.get().strip() if mode == "register" else "",
            device=self.device.get().strip(),
            stays=self.stays.ticked,
        )

    def _fit(self, width: int) -> None:
        self.token_place.configure(wraplength=width)
