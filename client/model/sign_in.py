"""Signing in as a person sees it: what was filled in, and what is wrong with it, at which field."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from client.errors import CannotConnect, NotConnected
from client.i18n.texts import _
from client.text.visible import shown_line
from gateway.wire import CommandError

SignInMode = Literal["guest", "account", "register"]
"""How somebody comes in: as a guest, with the password of an account, or by making one."""
SignInField = Literal["nick", "password", "invite", "device", ""]
"""What a problem is about; empty for the attempt as a whole."""

_FIELDS: Final[dict[str, SignInField]] = {
    "bad_nick": "nick",
    "nick_taken": "nick",
    "nick_banned": "nick",
    "guests_off": "nick",
    "bad_credentials": "password",
    "bad_password": "password",
    "weak_password": "password",
    "bad_token": "password",
    "insecure": "password",
    "bad_invite": "invite",
    "bad_device": "device",
}
"""The field that each refusal is about; any other is about all of them."""


@dataclass(frozen=True)
class SignInRequest:
    """What somebody has filled in to come in.

    - ``password`` and ``device`` are for an account, ``invite`` for a new one;
    - ``stays``: whether the device stays signed in when the program ends.
    """

    nick: str
    mode: SignInMode = "guest"
    password: str = field(default="", repr=False)
    invite: str = field(default="", repr=False)
    device: str = ""
    stays: bool = False


@dataclass(frozen=True)
class Problem:
    """Why something was not possible.

    - ``suggestion``: a nickname that is free; ``registered``: whether the one that was asked for is
      an account's, so that its owner may sign in;
    - ``mode``: how it may be possible instead, None if as before;
    - ``retry_at``: when it may be tried again, in Unix milliseconds.
    """

    text: str
    field: SignInField = ""
    suggestion: str | None = None
    registered: bool = False
    mode: SignInMode | None = None
    retry_at: int | None = None

    def seconds_left(self, now: int) -> int:
        """Return the seconds until it may be tried again, rounded up."""
        return 0 if self.retry_at is None else max(0, -((now - self.retry_at) // 1000))

    def told(self, now: int) -> str:
        """Return the text, with how long to wait."""
        seconds = self.seconds_left(now)
        if not seconds:
            return self.text
        wait = _("That was tried too often. It can be tried again in {seconds} s.")
        return wait.format(seconds=seconds)


def problem_of(
    error: CannotConnect | CommandError | NotConnected, now: int, *, mode: SignInMode = "account"
) -> Problem:
    """Return what to say of an attempt that failed at ``now``."""
    if isinstance(error, CannotConnect):
        text = _("The server cannot be reached. {error}").format(error=error)
        if error.uncertain:
            text = _("The account may have been made or not; try again. {error}").format(
                error=error
            )
        if not error.too_fast:
            return Problem(shown_line(text))
        retry_at = now + round(1000 * (error.retry_after or 0.0))
        return Problem(
            shown_line(str(error)), "password" if mode != "guest" else "", retry_at=retry_at
        )
    if isinstance(error, NotConnected):
        text = _("That may have been done or not: {reason}")
        return Problem(shown_line(text.format(reason=error)))
    waits = error.code == "too_fast" and error.retry_after is not None
    return Problem(
        shown_line(error.message),
        _field(error, mode),
        error.suggestion,
        registered=error.code == "nick_taken" and error.reason == "registered",
        mode=_better_mode(error),
        retry_at=now + round(1000 * (error.retry_after or 0.0)) if waits else None,
    )


def _field(error: CommandError, mode: SignInMode) -> SignInField:
    if error.code == "too_fast" and mode != "guest":
        return "password"
    found = _FIELDS.get(error.code, "")
    return found if mode != "guest" or found == "nick" else ""


def _better_mode(error: CommandError) -> SignInMode | None:
    """Return how somebody may come in instead; None if as they tried."""
    match error.code:
        case "guests_off" if error.suggestion is None:
            return "account"
        case "bad_token":
            return "account"
        case _:
            return None
