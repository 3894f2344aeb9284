"""The states of a session and of its rooms, and which may follow which. Pure.

Theory of operation
===================

A session outlives its connection by the grace time, and may move from node to node. Redis knows
which node has it. A node's own knowledge may be outdated: an answer may be lost, and another node
may resume the session at any time. Three machines describe what this node knows of one session.

1. `SessionState`: where the session is. It starts as UNKNOWN, when a connection asks to resume it,
   or as CLAIMING, when a connection begins it by a hello. It ends as GONE, and is forgotten.

2. `Resumption`: whether a connection here is asking Redis for the session. It is a machine of its
   own because the session goes on meanwhile: its old connection may send commands or close, and its
   grace time may end. Nothing is released while it is ASKED, because Redis may be giving this node
   the session. OVERTAKEN: another node has notified this one that it resumed the session; which of
   the two was later is unknown, so the session is claimed again once Redis has answered.

3. `RoomState`, for each room: whether the session follows the room, which means that it is sent the
   room's messages, or is only listed there. When a connection is lost its session stays listed for
   the grace time (PARKED), so that nobody notices. A room that is LEAVING lists the session in
   Redis, or may do so, until Redis has removed it.

Beside these, a session may be *unverified*: what Redis has of its claims is uncertain, and all of
them will be made again. That is only possible in the states CLAIMING, CONNECTED and PARKED: in the
others this node has nothing to claim.

When a session changes its state, its rooms follow by `ROOM_EVENTS`, never the other way round. A
session without a connection follows no room, and one that is over is in none.

Rules that hold because there is no transition against them:

- A session whose hello never succeeded is never parked: nobody could resume it.
- A session that is RELEASING can only be saved by a resumption that was ASKED before it ended:
  `SessionRecord.may_be_resumed` refuses a new one, because its nickname may be free at any moment.
- A session that another node has resumed (MOVED) keeps no connection here. It returns only if it is
  resumed here, or may have been: after a resumption without an answer it is PARKED and claimed
  again, and Redis then says which node has it.
- A GONE session stays so, whatever late answers say.

Releases name the session's *term* (`gateway.backplane.terms`), so that a late one takes nothing
from a session that has moved or was resumed.
"""

from __future__ import annotations

from enum import auto
from typing import Final

from gateway.state_machine import Symbol


class SessionState(Symbol):
    """Where a session is, as far as this node knows."""

    UNKNOWN = auto()
    """A connection here is asking Redis for it; nothing else is known of it."""
    CLAIMING = auto()
    """Its connection has sent a hello, and Redis has not confirmed a nickname yet."""
    CONNECTED = auto()
    """It is on this node, and has a connection."""
    PARKED = auto()
    """It is on this node without a connection, and may be resumed on any node."""
    MOVED = auto()
    """Another node has it; here are only rooms that it may not have joined again there."""
    RELEASING = auto()
    """It is over, and its nickname and its rooms are being released."""
    GONE = auto()
    """Nothing of it is left."""


class SessionEvent(Symbol):
    """What happens to a session."""

    CLAIMED = auto()
    """Redis confirmed its nickname."""
    RESUMED = auto()
    """Redis moved it to this node, for a connection here."""
    NOT_FOUND = auto()
    """Redis was asked for it, and has no such session."""
    UNANSWERED = auto()
    """Redis was asked for it, and did not answer: it may have moved it to this node."""
    DISCONNECTED = auto()
    """It lost its connection, without a goodbye."""
    ENDED = auto()
    """Its client closed with 1000, its nickname was lost, or its connection has another session."""
    REPLACED = auto()
    """Redis said that another node has it."""
    EXPIRED = auto()
    """The grace time is over, of the session or of the rooms that it has not joined again."""
    RELEASED = auto()
    """Redis has released everything that it held."""


_S, _E = SessionState, SessionEvent

SESSION_TRANSITIONS: Final[dict[SessionState, dict[SessionEvent, SessionState]]] = {
    _S.UNKNOWN: {_E.RESUMED: _S.CONNECTED, _E.NOT_FOUND: _S.GONE, _E.UNANSWERED: _S.PARKED},
    _S.CLAIMING: {
        _E.CLAIMED: _S.CONNECTED, _E.RESUMED: _S.CONNECTED, _E.NOT_FOUND: _S.CLAIMING,
        _E.UNANSWERED: _S.CLAIMING, _E.DISCONNECTED: _S.RELEASING, _E.ENDED: _S.RELEASING,
        _E.REPLACED: _S.RELEASING,
    },
    _S.CONNECTED: {
        _E.CLAIMED: _S.CONNECTED, _E.RESUMED: _S.CONNECTED, _E.NOT_FOUND: _S.CONNECTED,
        _E.UNANSWERED: _S.CONNECTED, _E.DISCONNECTED: _S.PARKED, _E.ENDED: _S.RELEASING,
        _E.REPLACED: _S.MOVED, _E.EXPIRED: _S.CONNECTED,
    },
    _S.PARKED: {
        _E.CLAIMED: _S.PARKED, _E.RESUMED: _S.CONNECTED, _E.NOT_FOUND: _S.PARKED,
        _E.UNANSWERED: _S.PARKED, _E.ENDED: _S.RELEASING, _E.REPLACED: _S.MOVED,
        _E.EXPIRED: _S.RELEASING,
    },
    _S.MOVED: {
        _E.CLAIMED: _S.MOVED, _E.RESUMED: _S.CONNECTED, _E.NOT_FOUND: _S.MOVED,
        _E.UNANSWERED: _S.PARKED, _E.ENDED: _S.RELEASING, _E.REPLACED: _S.MOVED,
        _E.EXPIRED: _S.RELEASING,
    },
    _S.RELEASING: {
        _E.CLAIMED: _S.RELEASING, _E.RESUMED: _S.CONNECTED, _E.NOT_FOUND: _S.RELEASING,
        _E.UNANSWERED: _S.RELEASING, _E.ENDED: _S.RELEASING, _E.REPLACED: _S.RELEASING,
        _E.RELEASED: _S.GONE,
    },
    _S.GONE: {_E.CLAIMED: _S.GONE, _E.ENDED: _S.GONE, _E.REPLACED: _S.GONE},
}  # fmt: skip
"""For each state, the next state after each event that is possible in it."""

MAY_CLAIM: Final = frozenset({_S.CLAIMING, _S.CONNECTED, _S.PARKED})
"""The states in which this node makes claims for a session."""
WITH_CONNECTION: Final = frozenset({_S.CLAIMING, _S.CONNECTED})
"""The states in which a session has a connection."""

GRACE_BEGINS: Final = {
    (_S.CONNECTED, _E.DISCONNECTED), (_S.CONNECTED, _E.REPLACED), (_S.UNKNOWN, _E.UNANSWERED),
    *((state, _E.RESUMED) for state in _S),
}  # fmt: skip
"""In these states, these events begin the grace time of a session or of its rooms."""


class Resumption(Symbol):
    """Whether a connection here is asking Redis for a session."""

    NONE = auto()
    ASKED = auto()
    OVERTAKEN = auto()
    """ASKED, and another node has notified this one since that it resumed the session."""


class RoomState(Symbol):
    """The state of a room for a session of this node."""

    ABSENT = auto()
    """The session is not in it; no record keeps this state."""
    FOLLOWED = auto()
    """It is sent the room's messages, or is about to be."""
    PARKED = auto()
    """It is listed in the room, and may join again until the grace time is over."""
    LEAVING = auto()
    """It is to be removed from the room in Redis, where it may be listed."""


class RoomEvent(Symbol):
    """What happens between a session and a room."""

    JOIN = auto()
    """Its connection joins the room."""
    PARK = auto()
    """It no longer follows the room, and stays listed there."""
    GIVE_BACK = auto()
    """It is to be removed from the room."""
    LEFT = auto()
    """Redis has removed it."""


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
}  # fmt: skip
"""For each state of a room, the next state after each event that is possible in it."""

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
"""What happens to a session's rooms, by state, when an event has led it into a state."""
