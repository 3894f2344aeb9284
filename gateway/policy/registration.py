"""Who may come in as a guest, and under which nickname. Pure."""

from __future__ import annotations

from gateway.wire import CommandError


def check_guest(nick: str, *, allowed: bool, prefix: str) -> None:
    """Check that somebody may come in as a guest under a nickname.

    :raises CommandError: ``guests_off``; with a suggestion if only the prefix is missing.
    """
    if not allowed:
        raise CommandError("guests_off", "There are no guests here: sign in, or register.")
    if not nick.startswith(prefix):
        text = f"Nicknames of guests begin with {prefix} here."
        raise CommandError("guests_off", text, suggestion=prefix + nick)


def check_account_nick(nick: str, *, prefix: str) -> None:
    """Check that an account may have a nickname; :raises CommandError: ``bad_nick``."""
    if prefix and nick.startswith(prefix):
        text = f"Nicknames that begin with {prefix} are for guests."
        raise CommandError("bad_nick", text)
