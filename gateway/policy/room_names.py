"""Which names a room may have, and which of them are the same room. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from gateway.policy import names
from gateway.wire import LOBBY, MAX_ROOM_CHARS, CommandError

_REMEMBERED: Final = 4096
"""Names that are not folded again, at most; each has at most `MAX_ROOM_CHARS` characters."""


class RoomName(NamedTuple):
    """A name that a room may have: the room's key, and the name as it is shown."""

    key: str
    shown: str


def key(name: str) -> str:
    """Return the key of the room with a name, for a name that need not be allowed.

    Equal for all spellings of one room (`names.fold`). Fast enough to be called for each message.
    """
    if name.isascii():
        return name.lower()
    return _fold(name) if len(name) <= MAX_ROOM_CHARS else name


_fold: Final = lru_cache(_REMEMBERED)(names.fold)


def check(name: str) -> RoomName:
    """Return a valid name of a room, which may exist under another spelling.

    :raises CommandError: ``bad_room``, with the rule that it breaks; ``room_looks_alike`` if it
        only looks like the lobby's.
    """
    if not 1 <= len(name) <= MAX_ROOM_CHARS:
        raise _wrong_length()
    return _check(name)


@lru_cache(_REMEMBERED)
def _check(name: str) -> RoomName:
    if (wrong := names.unfit_character(name)) is not None:
        raise _bad(f"has no spaces and no invisible characters, such as U+{ord(wrong):04X}")
    shown = names.shown(name)
    if len(shown) > MAX_ROOM_CHARS:  # some characters are more than one in NFC
        raise _wrong_length()
    folded = names.fold(name)
    if not folded:
        raise _bad("is not invisible")
    if (mark := names.stray_mark(shown) or names.stray_mark(folded)) is not None:
        raise _bad(f"has marks only on letters that take them, not U+{ord(mark):04X} here")
    if folded == LOBBY:
        return RoomName(LOBBY, LOBBY)
    if LOBBY in names.looks(shown):
        raise looks_alike(shown, LOBBY)
    return RoomName(folded, shown)


def looks_alike(name: str, other: str) -> CommandError:
    """Return the refusal of a room whose name looks like that of another room that exists."""
    return CommandError(
        "room_looks_alike",
        f"The name {name} looks like that of another room, {other}; join that one, or choose "
        "another name.",
        suggestion=other,
    )


def _wrong_length() -> CommandError:
    return _bad(f"has 1 to {MAX_ROOM_CHARS} characters")


def _bad(what: str) -> CommandError:
    return CommandError("bad_room", f"A room's name {what}.")
