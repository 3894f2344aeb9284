"""Which names a room may have. Pure."""

from __future__ import annotations

from gateway.wire import MAX_ROOM_CHARS, CommandError


def check(name: str) -> str:
    """Return a valid room name as it is.

    :raises CommandError: ``bad_room``, with the rule that it breaks.
    """
    if not 1 <= len(name) <= MAX_ROOM_CHARS:
        raise CommandError("bad_room", f"A room's name has 1 to {MAX_ROOM_CHARS} characters.")
    if not name.isprintable() or " " in name:
        raise CommandError("bad_room", "A room's name has no spaces and no invisible characters.")
    return name
