"""The texts for what a server reports, chosen by its code, and so in any language.

Servers write English. Their own text is used for an unknown code, or where too little is known to
fill in ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeVar

import msgspec

from client.i18n.days import moment_in_words
from client.i18n.password_advice import ADVICE
from client.i18n.texts import N_, _
from gateway import wire

REFUSALS: Final[Mapping[str, Sequence[str]]] = {
    "bad_frame": (N_("The server does not understand this client: {message}"),),
    "unauthorized": (N_("The server does not know this session any more."),),
    "forbidden": (N_("You are not allowed to do this."),),
    "bad_nick": (
        N_(
            "A nickname has 2 to 32 characters; a to z, digits and _ - . can always be used, "
            "spaces never."
        ),
    ),
    "banned": (
        N_("You are banned here until {until}: {reason}"),
        N_("You are banned here until {until}."),
        N_("You are banned here: {reason}"),
        N_("You are banned here."),
    ),
    "nick_banned": (
        N_("The nickname {nick} is banned until {until}: {reason}"),
        N_("The nickname {nick} is banned until {until}."),
        N_("The nickname {nick} is banned: {reason}"),
        N_("The nickname {nick} is banned."),
    ),
    "nick_taken": (
        N_("The nickname {nick} is taken; {suggestion} is free."),
        N_("The nickname {nick} is taken."),
    ),
    "bad_credentials": (
        N_("No account has the nickname {nick} and this password."),
        N_("This password is wrong."),
    ),
    "bad_password": (N_("This password cannot be taken: {message}"),),
    "weak_password": (N_("This password is easy to guess; take one of several words."),),
    "bad_token": (N_("This device is not signed in any more."),),
    "bad_jwt": (N_("The server does not accept the JSON Web Token."),),
    "bad_device": (
        N_("The name of a device has at most 64 characters, and no control characters."),
    ),
    "bad_invite": (N_("You need an invitation to make an account here."),),
    "account_disabled": (N_("An operator has disabled this account."),),
    "registration_closed": (N_("Nobody can make an account here."),),
    "guests_off": (
        N_("Guests need another nickname here, for example {suggestion}."),
        N_("Without an account nobody is let in here."),
    ),
    "insecure": (
        N_("Others could read your password here: passwords and tokens are sent with TLS only."),
    ),
    "bad_room": (
        N_(
            "A room's name has 1 to {room_chars} characters that can be seen, no spaces, and "
            "accents only on letters."
        ),
    ),
    "room_looks_alike": (
        N_(
            "The name {room} looks like that of another room, {suggestion}; join that one, or "
            "choose another name."
        ),
    ),
    "too_many_rooms": (N_("You are in as many rooms as this server allows; leave one first."),),
    "no_new_rooms": (N_("There are as many rooms as this server allows; join one that exists."),),
    "not_in_room": (N_("You are not in the room {room}; join it first."),),
    "no_such_nick": (N_("Nobody here is called {to}."),),
    "other_person": (N_("{to} is now somebody else than the one you wrote to before."),),
    "gone": (N_("{to} has gone; what you wrote may have arrived or not."),),
    "id_reused": (N_("This client used one id for two messages; send it again."),),
    "bad_status": (N_("A status has no line breaks and no control characters."),),
    "too_long": (N_("The text is longer than {most:,} bytes."),),
    "too_fast": (
        N_("That was tried too often; it can be tried again in {seconds} s."),
        N_("You are sending too fast."),
    ),
    "unavailable": (N_("The server cannot do this right now."),),
}
"""The texts for each code of an ``error``; the first one whose fields are all known is used."""
REASONS: Final[Mapping[tuple[str, str], Sequence[str]]] = {
    ("nick_taken", "registered"): (
        N_("The nickname {nick} belongs to an account; {suggestion} is free."),
        N_("The nickname {nick} belongs to an account."),
    ),
    ("bad_password", "short"): (N_("This password is too short."),),
    ("bad_password", "long"): (N_("This password is too long."),),
    ("bad_password", "characters"): (
        N_("A password has no control characters, and none that cannot be seen."),
    ),
    ("bad_token", "malformed"): (N_("What is kept of this device's sign-in is damaged."),),
    ("bad_token", "unknown"): (N_("The server does not know this device's sign-in."),),
    ("bad_token", "expired"): (N_("This device was not used for so long that it is signed out."),),
    ("bad_token", "revoked"): (N_("This device was signed out."),),
    ("bad_jwt", "expired"): (N_("The JSON Web Token has expired."),),
    ("bad_jwt", "off"): (N_("This server takes no JSON Web Tokens."),),
    ("bad_invite", "unknown"): (N_("The server does not know this invitation."),),
    ("bad_invite", "used"): (N_("This invitation has been used up."),),
    ("bad_invite", "expired"): (N_("This invitation has expired."),),
    **{("weak_password", code): (text,) for code, text in ADVICE.items()},
}
"""The texts for a code of an ``error`` with a ``reason``, as those of `REFUSALS`."""

NOTICES: Final[Mapping[str, Sequence[str]]] = {
    "draining": (N_("This node is going away."),),
    "history_gap": (N_("Some direct messages may be missing."),),
    "history_lost": (N_("The server lost direct messages."),),
    "announcement": (N_("The operator of the server says: {message}"),),
    "banned": (
        N_("an operator has banned you until {until}: {reason}"),
        N_("an operator has banned you until {until}"),
        N_("an operator has banned you: {reason}"),
        N_("an operator has banned you"),
    ),
    "kicked": (
        N_("an operator has ended your session: {reason}"),
        N_("an operator has ended your session"),
    ),
    "signed_out": (N_("this device was signed out"),),
    "account_disabled": (N_("an operator has disabled your account"),),
    "account_deleted": (N_("your account was deleted"),),
}
"""The texts for each code of a ``notice``, as those of `REFUSALS`."""
ROOM_NOTICES: Final[Mapping[str, Sequence[str]]] = {
    "history_gap": (N_("Some messages may be missing here."),),
    "history_lost": (N_("The server lost messages; the talk goes on."),),
}
"""The texts of notices about a room."""
FAREWELLS: Final = frozenset(
    {"banned", "kicked", "signed_out", "account_disabled", "account_deleted"}
)
"""The codes of notices that say why the node closes the connection next."""

CLOSINGS: Final[Mapping[int, str]] = {
    1000: N_("the node closed the connection"),
    1001: N_("this node is going away"),
    1005: N_("the connection was closed"),
    1006: N_("the connection broke"),
    1007: N_("this client sent what is no text"),
    1009: N_("too much was sent at once"),
    4000: N_("this node is going away"),
    4001: N_("this client read too slowly"),
    4002: N_("this client did not answer"),
    4003: N_("this node failed"),
    4004: N_("the server cannot take you in now"),
    4005: N_("the session is too old; another one begins"),
    4006: N_("your JSON Web Token has expired"),
    4500: N_("this client did not say hello in time"),
    4501: N_("your nickname now belongs to somebody else"),
    4502: N_("your session goes on over another connection"),
    4503: N_("an operator has banned you"),
    4504: N_("an operator has ended your session"),
    4505: N_("this device was signed out"),
    4506: N_("your account was disabled or deleted"),
}

_TAKE_PASSWORDS: Final = (wire.Hello, wire.Register, wire.ChangePassword, wire.DeleteAccount)

EventT = TypeVar("EventT")


def in_own_words(event: EventT, command: wire.Command | None = None) -> EventT:
    """Return an event with its ``message`` replaced by our text for its code.

    ``command`` is the one that an error answers, if it is known.
    """
    if isinstance(event, wire.Error):
        return msgspec.structs.replace(event, message=_refusal(event, command))
    if isinstance(event, wire.Notice):
        texts = NOTICES if event.room is None else ROOM_NOTICES
        text = _best(texts.get(event.code, ()), _known(event))
        return msgspec.structs.replace(event, message=text) if text else event
    return event


def why_closed(code: int, reason: str | None = None) -> str:
    """Return why a connection was closed; ``reason`` is the server's text."""
    if code in CLOSINGS:
        return _(CLOSINGS[code])
    return reason or _("closed with code {code}").format(code=code)


def _refusal(error: wire.Error, command: wire.Command | None) -> str:
    known = _known(error) | {"room_chars": wire.MAX_ROOM_CHARS}
    if error.suggestion is not None:
        known["suggestion"] = error.suggestion
    if command is not None:
        is_status = isinstance(command, wire.SetStatus)
        known["most"] = wire.MAX_STATUS_BYTES if is_status else wire.MAX_TEXT_BYTES
        asked = msgspec.structs.asdict(command)
        known |= {name: value for name, value in asked.items() if value is not None}
        if "with_" in known:
            known["to"] = known["with_"]
    if isinstance(command, _TAKE_PASSWORDS) and error.retry_after is not None:
        known["seconds"] = math.ceil(error.retry_after)
    texts = REASONS.get((error.code, error.reason or ""), ())
    return _best((*texts, *REFUSALS.get(error.code, ())), known) or error.message


def _known(event: wire.Error | wire.Notice) -> dict[str, object]:
    """Return what an event says, by the names of the fields in our texts."""
    known: dict[str, object] = {"message": event.message}
    if event.reason:
        known["reason"] = event.reason
    if event.until is not None and (moment := moment_in_words(event.until)):
        known["until"] = moment
    return known


def _best(texts: Sequence[str], known: Mapping[str, object]) -> str | None:
    """Return the first text whose fields are all known, filled in; None if there is none."""
    for text in texts:
        with suppress(KeyError):  # of what is not known
            return _(text).format_map(known)
    return None
