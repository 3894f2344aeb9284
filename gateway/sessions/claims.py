"""What is claimed in Redis for a session of this node: who it is, and its places in rooms.

All of it is claimed in the term that the session has here (`gateway.backplane.terms`), and
answered with `Replaced` once the session has been taken up elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.backplane import Backplane, Entered, Outdated, Unavailable
from gateway.sessions.record import SessionRecord


def require_redis(backplane: Backplane) -> None:
    """Check that something can be claimed now.

    :raises Unavailable: while Redis is away.
    """
    if not backplane.connected:
        raise Unavailable("Redis is not connected")


async def claim(
    backplane: Backplane,
    record: SessionRecord,
    line: str,
    *,
    variants: Callable[[str], Sequence[str]] = lambda _: (),
) -> None:
    """Claim the nickname of a member line for a session.

    For holders of the record's claims. It raises as `NickRegistry.claim` does; after `Outdated` the
    record is as the session was taken up here.
    """
    term = record.term
    try:
        claimed = await backplane.nicks.claim(line, record.sid, term=term, variants=variants)
    except Outdated as outdated:
        if record.term == term:
            record.term, record.who = outdated.term, outdated.who
        raise
    if record.term == term:  # else it has been taken up here meanwhile, as who it is there
        record.term, record.who = claimed, line


async def enter(backplane: Backplane, record: SessionRecord, room: str) -> Entered:
    """List a session in a room as who it is now; returns and raises as `Rooms.join` does."""
    return await backplane.rooms.join(room, record.sid, record.who, term=record.term)
