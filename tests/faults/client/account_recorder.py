"""Records what one device of an account observes. Pure."""

from __future__ import annotations

import math

from client.session import (
    AccountState,
    Connected,
    Disconnected,
    Ended,
    Event,
    NickChanged,
    NotRejoined,
    Rejoined,
)
from gateway import wire
from tests.faults.client.account import Account
from tests.faults.client.recorder import ClientRecorder
from tests.faults.history import MarkerSighting, MarkerSource, RunHistory


class AccountRecorder(ClientRecorder):
    """A recorder that follows what other devices of the account do.

    Whether the account's credentials and nickname hold is recorded by `Account`.
    """

    def __init__(self, device: str, account: Account, history: RunHistory) -> None:
        super().__init__(device, history, has_account=True)
        self._account = account
        self._asked_at = 0.0
        """When the last welcome was asked for, or a moment before."""
        self._nick = ""
        self.connected_since = math.inf

    def asks(self, now: float) -> None:
        """Record that a session is asked for."""
        self._asked_at = now

    def joined(self, joined: wire.Joined, nick: str, now: float) -> None:
        """Record the answer to a join, by this device or in its name."""
        if joined.room in self.rooms:  # another device was quicker
            self.left(joined.room, now)
        super().joined(joined, nick, now)

    def receive(self, event: Event, now: float) -> None:
        """Record an event of the session."""
        match event:
            case Rejoined(joined) if joined.room not in self.rooms:
                self.joined(joined, self._nick, now)
            case Rejoined(joined) if joined.recovered is None:
                pass  # it was joined by this device, too, and goes on
            case wire.LeftElsewhere(room=room) | NotRejoined(room=room):
                if room in self.rooms:
                    self.left(room, now)
            case NickChanged(nick):
                self.renamed(nick, now)
            case wire.ReadElsewhere() | AccountState():
                self._receive_markers(event, now)
            case Ended(cause="signed_out" | "account_closed"):
                pass  # whether it may is judged by its token
            case _:
                super().receive(event, now)
                if isinstance(event, Connected):
                    self.connected_since = now
                    self.renamed(event.nick, now)
                elif isinstance(event, Disconnected):
                    self.connected_since, self._asked_at = math.inf, now

    def _receive_markers(self, event: wire.ReadElsewhere | AccountState, now: float) -> None:
        if isinstance(event, AccountState):
            for each in event.rooms:
                self._saw(each.room, each.read, self._asked_at, now, "welcome")
        elif event.room is not None:
            self._saw(event.room, event.seq, now, now, "event")

    def moved_marker(self, room: str, seq: int, invoked_at: float, now: float) -> None:
        """Record the answer to a command that moved a read marker."""
        self._saw(room, seq, invoked_at, now, "answer")

    def renamed(self, nick: str, now: float) -> None:
        """Record that the account has this nickname, here and in its rooms."""
        self._account.is_called(nick, now)
        if nick != self._nick:
            self._nick = nick
            for room in self.rooms:
                self._rename_membership(room, nick, now)

    def _begin_ownership(self, nick: str, now: float) -> None:
        """Leave it to the account, whose the nickname is also while nobody is there."""

    def _saw(
        self, room: str, seq: int, invoked_at: float, now: float, source: MarkerSource
    ) -> None:
        self._history.markers.append(
            MarkerSighting(self._account.name, self._client, room, seq, invoked_at, now, source)
        )
