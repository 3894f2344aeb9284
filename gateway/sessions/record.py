"""The record that a node keeps of one session, with or without a connection."""

from __future__ import annotations

import math
from typing import Protocol

import trio

from gateway.auth.identity import account_of
from gateway.backplane import NO_TERM, member_line
from gateway.backplane.member_line import nick_of
from gateway.net.client_address import ClientAddress
from gateway.sessions.states import (
    MAY_CLAIM,
    SESSION_TRANSITIONS,
    Resumption,
    RoomState,
    SessionEvent,
    SessionState,
)
from gateway.state_machine import next_state
from gateway.wire import Event
from gateway.wire.close_codes import Close


class ConnectionHandle(Protocol):
    """What sessions need of a client's connection."""

    @property
    def client_address(self) -> ClientAddress:
        """The address of the client."""

    @property
    def limited_as(self) -> str | None:
        """What stands for the client in limits by address; None if it is exempt from them."""

    @property
    def confidential(self) -> bool:
        """Whether nobody between the client and this machine can read what is sent."""

    def close(self, closing: Close) -> None:
        """Close the connection soon, without waiting; the first close code counts."""

    def send(self, event: Event) -> None:
        """Send an event, if the connection is open."""


class SessionRecord:
    """One session as this node knows it; its states are those of `gateway.sessions.states`.

    `SessionTable` alone changes ``rooms``, ``until``, ``resumption`` and ``unverified``.
    """

    __slots__ = (
        "address", "began", "chosen", "claims", "connection", "idle", "line", "resumption",
        "rooms", "sid", "state", "term", "until", "unverified",
    )  # fmt: skip

    def __init__(
        self, sid: str, state: SessionState, connection: ConnectionHandle | None = None
    ) -> None:
        self.sid = sid
        """The public id of the session."""
        self.state = state
        self.connection = connection
        """The connection that has the session; None in a state without one."""
        self.address = connection.client_address if connection else None
        """Where its client is, or was last, connected from; None if it never was, here."""
        self.line = ""
        """The member line: nickname and status; empty while it is not known."""
        self.chosen = ""
        """The member line with the status that was chosen; ``line``, but for being idle."""
        self.idle = False
        """Whether nobody uses the client now."""
        self.term = NO_TERM
        """The term in which this node has it (`gateway.backplane.terms`)."""
        self.rooms: dict[str, RoomState] = {}
        """The state of each room; rooms that are ABSENT are left out."""
        self.began = math.inf
        """When the session began, on Trio's clock; infinite while that is not known."""
        self.until: float | None = None
        """When the grace time ends, on Trio's clock; None if none is running."""
        self.resumption = Resumption.NONE
        self.unverified = False
        """Whether all its claims are to be made again."""
        self.claims = trio.Lock()
        """Locked by `SessionRegistry.claiming` alone."""

    @property
    def account(self) -> str:
        """The id of the account whose session this is; empty for a guest's."""
        return account_of(self.sid)

    @property
    def nick(self) -> str:
        """The nickname; empty while it is not known."""
        return nick_of(self.line)

    @property
    def host(self) -> str:
        """The address of its client, without the port; empty if it was never connected here."""
        return self.address.host if self.address else ""

    @property
    def may_be_resumed(self) -> bool:
        """Whether a connection may resume the session."""
        return self.state is not SessionState.RELEASING

    @property
    def may_claim(self) -> bool:
        """Whether this node makes claims for the session."""
        return self.state in MAY_CLAIM

    @property
    def is_to_be_released(self) -> bool:
        """Whether anything that the session holds is to be released."""
        return self.state is SessionState.RELEASING or RoomState.LEAVING in self.rooms.values()

    def rooms_in(self, *states: RoomState) -> list[str]:
        """Return the session's rooms that are in one of these states."""
        return [room for room, state in self.rooms.items() if state in states]

    def transition(self, event: SessionEvent) -> None:
        """Change the state by an event; `SessionTable` changes the rooms and the connection.

        :raises ImpossibleTransition: if the event cannot happen in this state.
        """
        self.state = next_state(SESSION_TRANSITIONS, self.state, event)

    def shown(self, chosen: str) -> str:
        """Return the member line that shows this chosen one, while the client is idle or not."""
        return member_line.with_idleness(chosen, idle=self.idle)

    def claimed(self, term: int, line: str) -> None:
        """Record that Redis confirmed the session's nickname in a term."""
        self.term, self.line = term, line
        self.transition(SessionEvent.CLAIMED)
