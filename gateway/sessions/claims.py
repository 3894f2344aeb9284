"""Claims nicknames and places in rooms in Redis, for sessions of this node.

Claims name the term that the session has here (`gateway.backplane.terms`), and raise `Replaced`
once another node has resumed the session.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from gateway.backplane import (
    Backplane,
    Entered,
    NickTaken,
    Outdated,
    Refused,
    Unavailable,
    member_line,
)
from gateway.policy import nicknames
from gateway.sessions.record import SessionRecord
from gateway.sessions.states import RoomState
from gateway.wire import CommandError


def require_redis(backplane: Backplane) -> None:
    """Check that something can be claimed now; :raises Unavailable: while Redis is away."""
    if not backplane.connected:
        raise Unavailable("Redis is not connected")


async def claim(
    backplane: Backplane,
    record: SessionRecord,
    line: str,
    *,
    variants: Callable[[str], Sequence[str]] = lambda _: (),
) -> None:
    """Claim the nickname of a member line for a session, with the status in it.

    Call it within `SessionRegistry.claiming`. Raises as `NickRegistry.claim` does; after `Outdated`
    the record has the term and the line that Redis has.
    """
    term = record.term
    try:
        claimed = await backplane.nicks.claim(line, record.sid, term=term, variants=variants)
    except Outdated as outdated:
        if record.term == term:
            record.term, record.line = outdated.term, outdated.line
        raise
    if record.term == term:  # else it has been resumed here meanwhile
        record.claimed(claimed, line)


async def claim_or_suggest(backplane: Backplane, record: SessionRecord, line: str) -> None:
    """Claim a nickname as `claim` does, for a client that asked for it.

    :raises CommandError: ``nick_taken``, with a variant that is free where there is one.
    """
    try:
        await claim(backplane, record, line, variants=nicknames.variants)
    except NickTaken as taken:
        suggestion = taken.free_variant
        how = "registered" if taken.registered else "taken"
        message = f"The nickname {member_line.nick_of(line)} is {how}" + (
            f"; {suggestion} is free." if suggestion else "."
        )
        reason = "registered" if taken.registered else None
        raise CommandError("nick_taken", message, suggestion=suggestion, reason=reason) from None


async def enter(
    backplane: Backplane, record: SessionRecord, room: str, name: str | None = None
) -> Entered:
    """Make a session a member of a room; takes, returns and raises what `RoomStore.join` does."""
    return await backplane.rooms.join(room, record.sid, record.line, term=record.term, name=name)


async def enter_again(backplane: Backplane, record: SessionRecord) -> None:
    """Update a session's member line in all rooms that list it."""
    for room in sorted(record.rooms_in(RoomState.FOLLOWED, RoomState.PARKED)):
        with suppress(Refused):  # the link has logged it; the other rooms are updated
            await enter(backplane, record, room)
