"""What a node remembers of one session, whether the session has a connection or not."""

from __future__ import annotations

from typing import Protocol

import trio

from gateway.backplane import NO_TERM
from gateway.backplane.member_line import nick_of
from gateway.sessions.states import (
    MAY_CLAIM,
    SESSION_TRANSITIONS,
    Resumption,
    RoomState,
    SessionEvent,
    SessionState,
)
from gateway.state_machine import next_state
from gateway.wire.close_codes import Close


class ConnectionHandle(Protocol):
    """A client's connection, as far as sessions know it."""

    def close(self, closing: Close) -> None:
        """Have the connection closed; the first close code counts. Does not wait."""


class SessionRecord:
    """One session as this node knows it; `gateway.sessions.states` says what may happen to it.

    `SessionTable` alone changes ``rooms``, ``until``, ``resumption`` and ``unverified``.
    """

    __slots__ = (
        "claims", "connection", "line", "resumption", "rooms", "sid", "state", "term", "until",
        "unverified",
    )  # fmt: skip

    def __init__(
        self, sid: str, state: SessionState, connection: ConnectionHandle | None = None
    ) -> None:
        self.sid = sid
        """What others know the session by."""
        self.state = state
        self.connection = connection
        """The connection that has the session; None in a state without one."""
        self.line = ""
        """The member line: nickname and status; empty while it is not known."""
        self.term = NO_TERM
        """The term in which this node has it (`gateway.backplane.terms`)."""
        self.rooms: dict[str, RoomState] = {}
        """What each room is to it; rooms that it has nothing to do with are left out."""
        self.until: float | None = None
        """When the grace time is over, on Trio's clock; None if none is running."""
        self.resumption = Resumption.NONE
        self.unverified = False
        """Whether all that it claims is to be claimed again."""
        self.claims = trio.Lock()
        """Held by `SessionRegistry.claiming` alone."""

    @property
    def nick(self) -> str:
        """The nickname; empty while it is not known."""
        return nick_of(self.line)

    @property
    def may_be_resumed(self) -> bool:
        """Whether Redis may be asked to give the session to a connection."""
        return self.state is not SessionState.RELEASING

    @property
    def may_claim(self) -> bool:
        """Whether this node makes claims for the session."""
        return self.state in MAY_CLAIM

    @property
    def is_to_be_released(self) -> bool:
        """Whether anything of the session is to be given back."""
        return self.state is SessionState.RELEASING or RoomState.LEAVING in self.rooms.values()

    def rooms_in(self, *states: RoomState) -> list[str]:
        """Return the rooms that are in one of these states for the session."""
        return [room for room, state in self.rooms.items() if state in states]

    def transition(self, event: SessionEvent) -> None:
        """Change the state by an event. Its rooms and its connection are the table's concern.

        :raises ImpossibleTransition: if the event cannot happen in this state.
        """
        self.state = next_state(SESSION_TRANSITIONS, self.state, event)

    def claimed(self, term: int, line: str) -> None:
        """Record that Redis confirmed who the session is, in a term."""
        self.term, self.line = term, line
        self.transition(SessionEvent.CLAIMED)
