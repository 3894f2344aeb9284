"""The states of a session and of its rooms, and which may follow which. Pure.

Theory of operation
===================

A session outlives its connection by the grace time, and may go from node to node. Redis knows which
node has it. What a node remembers is only what it believes: an answer may be lost, and another node
may take the session up at any time. Three machines describe what this node believes of one session.

1. `SessionState`: where the session is. It starts as UNKNOWN, when a connection asks to resume it,
   or as CLAIMING, when a connection says a hello of its own. It ends as GONE, and is forgotten.

2. `Resumption`: whether a connection here is asking Redis for the session. It is a machine of its
   own because the session goes on meanwhile: its old connection may talk, drop or say goodbye, and
   its grace time may end. Nothing is given back while it is ASKED, because Redis may be handing
   over this very session. OVERTAKEN notes that another node said that it took the session; which of
   the two was later is not known, so the session is claimed again once Redis has answered.

3. `RoomState`, once for each room: whether this node hands the room's messages to the session, or
   only has it listed there. In a room that a session does not follow any more it stays listed for
   the grace time (PARKED), so that nobody notices a lost connection. A room that is LEAVING is
   listed in Redis, or may be, until Redis has taken the session out.

Beside these, a session may be *unverified*: what Redis knows of its claims is uncertain. Then all
of them are made again soon. Only a session that is CLAIMING, CONNECTED or PARKED can be unverified:
in the other states this node has nothing to claim.

The machines are coupled in one direction: when a session changes its state, its rooms follow by
`ROOM_EVENTS`. A session without a connection follows no room, and one that is over is in none.

Rules that hold because there is no transition against them:

- A session whose hello never succeeded is never parked: nobody could take it up.
- A session that is RELEASING can only be saved by a resumption that was ASKED before it ended:
  `SessionRecord.may_be_resumed` refuses a new one, because its nickname may be free at any moment.
- A session that another node has taken up (MOVED) keeps no connection here. It comes back only if
  it is resumed here, or may have been: a resumption without an answer makes it PARKED, which has it
  claimed again, and Redis then says whose it is.
- A GONE session stays so, whatever late answers say.

What is given back carries the session's *term* (`gateway.backplane.terms`), so that giving back
late takes nothing from a session that has moved on or has come back.
"""

from __future__ import annotations

from enum import auto
from typing import Final

from gateway.state_machine import Symbol


class SessionState(Symbol):
    """Where a session is, as far as this node knows."""

    UNKNOWN = auto()
    """A connection here asks Redis for it; nothing else is known of it."""
    CLAIMING = auto()
    """Its connection says hello, and Redis has not yet confirmed a nickname."""
    CONNECTED = auto()
    """It is on this node, and has a connection."""
    PARKED = auto()
    """It is on this node without a connection, and may be resumed on any node."""
    MOVED = auto()
    """Another node has it; here are only rooms that it may not have joined there yet."""
    RELEASING = auto()
    """It is over, and its nickname and its rooms are being given back."""
    GONE = auto()
    """Nothing of it is left."""


class SessionEvent(Symbol):
    """What happens to a session."""

    CLAIMED = auto()
    """Redis confirmed its nickname."""
    RESUMED = auto()
    """Redis gave it to this node, for a connection here."""
    NOT_FOUND = auto()
    """Redis, asked for it, has no such session."""
    UNANSWERED = auto()
    """Redis, asked for it, did not answer: it may have given it to this node."""
    DISCONNECTED = auto()
    """It lost its connection, without a goodbye."""
    ENDED = auto()
    """It said goodbye, lost its nickname, or its connection went on with another session."""
    REPLACED = auto()
    """Redis said that another node has it."""
    EXPIRED = auto()
    """The grace time is over, of the session or of the rooms that it has not joined again."""
    RELEASED = auto()
    """Redis has taken back everything that it held."""


_S, _E = SessionState, SessionEvent

SESSION_TRANSITIONS: Final[dict[SessionState, dict[SessionEvent, SessionState]]] = {
    _S.UNKNOWN: {
        _E.RESUMED: _S.CONNECTED,
        _E.NOT_FOUND: _S.GONE,
        _E.UNANSWERED: _S.PARKED,
    },
    _S.CLAIMING: {
        _E.CLAIMED: _S.CONNECTED,
        _E.RESUMED: _S.CONNECTED,
        _E.NOT_FOUND: _S.CLAIMING,
        _E.UNANSWERED: _S.CLAIMING,
        _E.DISCONNECTED: _S.RELEASING,
        _E.ENDED: _S.RELEASING,
        _E.REPLACED: _S.RELEASING,
    },
    _S.CONNECTED: {
        _E.CLAIMED: _S.CONNECTED,
        _E.RESUMED: _S.CONNECTED,
        _E.NOT_FOUND: _S.CONNECTED,
        _E.UNANSWERED: _S.CONNECTED,
        _E.DISCONNECTED: _S.PARKED,
        _E.ENDED: _S.RELEASING,
        _E.REPLACED: _S.MOVED,
        _E.EXPIRED: _S.CONNECTED,
    },
    _S.PARKED: {
        _E.CLAIMED: _S.PARKED,
        _E.RESUMED: _S.CONNECTED,
        _E.NOT_FOUND: _S.PARKED,
        _E.UNANSWERED: _S.PARKED,
        _E.ENDED: _S.RELEASING,
        _E.REPLACED: _S.MOVED,
        _E.EXPIRED: _S.RELEASING,
    },
    _S.MOVED: {
        _E.CLAIMED: _S.MOVED,
        _E.RESUMED: _S.CONNECTED,
        _E.NOT_FOUND: _S.MOVED,
        _E.UNANSWERED: _S.PARKED,
        _E.ENDED: _S.RELEASING,
        _E.REPLACED: _S.MOVED,
        _E.EXPIRED: _S.RELEASING,
    },
    _S.RELEASING: {
        _E.CLAIMED: _S.RELEASING,
        _E.RESUMED: _S.CONNECTED,
        _E.NOT_FOUND: _S.RELEASING,
        _E.UNANSWERED: _S.RELEASING,
        _E.ENDED: _S.RELEASING,
        _E.REPLACED: _S.RELEASING,
        _E.RELEASED: _S.GONE,
    },
    _S.GONE: {
        _E.CLAIMED: _S.GONE,
        _E.ENDED: _S.GONE,
        _E.REPLACED: _S.GONE,
    },
}
"""For each state, what each event that can happen in it makes of a session."""

MAY_CLAIM: Final = frozenset({_S.CLAIMING, _S.CONNECTED, _S.PARKED})
"""The states in which this node makes claims for a session."""
WITH_CONNECTION: Final = frozenset({_S.CLAIMING, _S.CONNECTED})
"""The states in which a session has a connection; in the others it has none."""

GRACE_BEGINS: Final = {
    (_S.CONNECTED, _E.DISCONNECTED), (_S.CONNECTED, _E.REPLACED), (_S.UNKNOWN, _E.UNANSWERED),
    *((state, _E.RESUMED) for state in _S),
}  # fmt: skip
"""The grace time, of a session or of its rooms, begins when in this state this event happens."""


class Resumption(Symbol):
    """Whether a connection here is asking Redis for a session."""

    NONE = auto()
    ASKED = auto()
    OVERTAKEN = auto()
    """ASKED, and another node has said since that it took the session."""


class RoomState(Symbol):
    """What a room is to a session of this node."""

    ABSENT = auto()
    """The session is not in it; no record keeps this state."""
    FOLLOWED = auto()
    """It is given the room's messages, or is about to be."""
    PARKED = auto()
    """It is listed in the room, and may join it again until the grace time is over."""
    LEAVING = auto()
    """It is to be taken out of the room in Redis, where it may be listed."""


class RoomEvent(Symbol):
    """What happens between a session and a room."""

    JOIN = auto()
    """Its connection joins the room."""
    PARK = auto()
    """It follows the room no more, and is still listed there."""
    GIVE_BACK = auto()
    """It is not to be listed there any more."""
    LEFT = auto()
    """Redis has taken it out."""


_R, _V = RoomState, RoomEvent

ROOM_TRANSITIONS: Final[dict[RoomState, dict[RoomEvent, RoomState]]] = {
    _R.ABSENT: {_V.JOIN: _R.FOLLOWED},
    _R.FOLLOWED: {
        _V.JOIN: _R.FOLLOWED,
        _V.PARK: _R.PARKED,
        _V.GIVE_BACK: _R.LEAVING,
        _V.LEFT: _R.ABSENT,
    },
    _R.PARKED: {_V.JOIN: _R.FOLLOWED, _V.GIVE_BACK: _R.LEAVING},
    _R.LEAVING: {_V.JOIN: _R.FOLLOWED, _V.LEFT: _R.ABSENT},
}
"""For each state of a room, what each event that can happen in it makes of it."""

ROOM_EVENTS: Final[dict[tuple[SessionState, SessionEvent], dict[RoomState, RoomEvent]]] = {
    (_S.CONNECTED, _E.RESUMED): {_R.FOLLOWED: _V.PARK},
    (_S.CONNECTED, _E.EXPIRED): {_R.PARKED: _V.GIVE_BACK},
    (_S.PARKED, _E.DISCONNECTED): {_R.FOLLOWED: _V.PARK},
    (_S.MOVED, _E.REPLACED): {_R.FOLLOWED: _V.PARK},
    **{
        (_S.RELEASING, event): {_R.FOLLOWED: _V.GIVE_BACK, _R.PARKED: _V.GIVE_BACK}
        for event in (_E.DISCONNECTED, _E.ENDED, _E.REPLACED, _E.EXPIRED)
    },
}
"""What becomes of a session's rooms when an event has brought it into a state."""
