"""What is claimed in Redis for a session of this node: who it is, and its places in rooms.

All of it is claimed in the term that the session has here (`gateway.backplane.terms`), and
answered with `Replaced` once the session has been taken up elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.backplane import Backplane, Entered, Outdated, Unavailable
from gateway.standing import Standing


def require_redis(backplane: Backplane) -> None:
    """Check that something can be claimed now.

    :raises Unavailable: while Redis is away.
    """
    if not backplane.link.connected:
        raise Unavailable("Redis is not connected")


async def claim(
    backplane: Backplane,
    standing: Standing,
    line: str,
    *,
    variants: Callable[[str], Sequence[str]] = lambda _: (),
) -> None:
    """Make the nickname of a line (`gateway.who`), with its status, the session's.

    For holders of the standing's claims. It raises as `Nicks.claim` does; after `Outdated` the
    standing is as the session was taken up here.
    """
    term = standing.term
    try:
        claimed = await backplane.nicks.claim(line, standing.sid, term=term, variants=variants)
    except Outdated as outdated:
        if standing.term == term:
            standing.term, standing.who = outdated.term, outdated.who
        raise
    if standing.term == term:  # else it has been taken up here meanwhile, as who it is there
        standing.term, standing.who = claimed, line


async def enter(backplane: Backplane, standing: Standing, room: str) -> Entered:
    """List a session in a room as who it is now; returns and raises as `Rooms.join` does."""
    return await backplane.rooms.join(room, standing.sid, standing.who, term=standing.term)
