"""Records what one client observes: its rooms, its nickname, its inbox. Pure."""

from __future__ import annotations

import re
from typing import Final

from client.session import Connected, Disconnected, Ended, Event, Rejoined
from gateway import wire
from tests.faults.client.inbox_recorder import InboxRecorder
from tests.faults.generator import unpadded
from tests.faults.history import (
    NOT_RECOVERED,
    NickOwnership,
    Observation,
    ReceivedMessage,
    ReportedGap,
    RoomMembership,
    RunHistory,
    SessionEnd,
)

_URL: Final = re.compile(r"ws://\S+ ")
_GAPS: Final = frozenset({"history_gap", "history_lost"})


def text_of(message: wire.Message) -> str:
    """Return the text of a message as it was sent; of an erased one its id, which is the same."""
    return message.id if message.erased else unpadded(message.text)


class ClientRecorder:
    """Writes a client's events and its joins and leaves into the history.

    ``rooms`` are the observations that go on, by room.
    """

    def __init__(self, client: str, history: RunHistory, *, has_account: bool = False) -> None:
        self.rooms: dict[str, Observation] = {}
        self.inbox = InboxRecorder(client, history, outlives_session=has_account)
        self._client = client
        self._history = history
        self._early: dict[str, list[ReceivedMessage]] = {}
        """Messages of rooms whose join has not been answered yet."""
        self._memberships: dict[str, RoomMembership] = {}
        self._ownership: NickOwnership | None = None

    # --- what the client does -----------------------------------------------------------------

    def joined(self, joined: wire.Joined, nick: str, now: float) -> None:
        """Record the answer to a join."""
        self._begin(joined.room, joined.epoch, joined.seq, now)
        membership = RoomMembership(nick, joined.room, now)
        self._memberships[joined.room] = membership
        self._history.memberships.append(membership)

    def left(self, room: str, now: float) -> None:
        """Record that the client is not in a room any more."""
        self._early.pop(room, None)
        self.rooms.pop(room).ended = self._memberships.pop(room).until = now

    def end_session(self, now: float) -> None:
        """Record that the session is over, and so everything in it."""
        for room in list(self.rooms):
            self.left(room, now)
        self.inbox.end(now)
        self._end_ownership(now)

    def _rename_membership(self, room: str, nick: str, now: float) -> None:
        self._memberships[room].until = now
        membership = self._memberships[room] = RoomMembership(nick, room, now)
        self._history.memberships.append(membership)

    # --- what the client is told --------------------------------------------------------------

    def receive(self, event: Event, now: float) -> None:
        """Record an event of the session."""
        match event:
            case wire.Message():
                self._receive_message(event, now)
            case Rejoined(joined):
                self._rejoined(joined, now)
            case wire.Notice(code=code, room=str(room)) if code in _GAPS:
                self._receive_gap(room, code, event.epoch or "", event.seq or 0, now)
            case wire.DirectMessage():
                self.inbox.receive(event, now)
            case wire.Notice(code=code) if code in _GAPS:
                self.inbox.receive(event, now)
            case Connected(nick=nick):
                self.inbox.connected(event, now)
                self._begin_ownership(nick, now)
            case Disconnected(reason=reason):
                self._history.disconnects[_URL.sub("", reason)] += 1
                self.inbox.disconnected()
                self._end_ownership(now)
            case Ended(reason):
                self._history.session_ends.append(SessionEnd(self._client, reason, now))

    def _receive_message(self, message: wire.Message, now: float) -> None:
        received = (message.seq, text_of(message), now)
        observation = self.rooms.get(message.room)
        if observation is None:
            self._early.setdefault(message.room, []).append(received)
        elif message.seq > observation.since:
            observation.received.append(received)

    def _rejoined(self, joined: wire.Joined, now: float) -> None:
        if joined.recovered:
            for message in joined.messages:
                self._receive_message(message, now)
        else:
            self._receive_gap(joined.room, NOT_RECOVERED, joined.epoch, joined.seq, now)

    def _receive_gap(self, room: str, reason: str, epoch: str, seq: int, now: float) -> None:
        before = self.rooms.get(room)
        after = 0
        if before is not None:
            after = before.received[-1][0] if before.received else before.since
        gap = ReportedGap(self._client, room, reason, epoch, after, seq, now)
        self._history.gaps.append(gap)
        if before is not None:
            before.gap, before.ended = gap, now
        self._begin(room, epoch, seq, now)

    def _begin(self, room: str, epoch: str, since: int, now: float) -> None:
        early = [each for each in self._early.pop(room, []) if each[0] > since]
        observation = Observation(self._client, room, epoch, since, now, early)
        self.rooms[room] = observation
        self._history.rooms.append(observation)

    def _begin_ownership(self, nick: str, now: float) -> None:
        self._ownership = NickOwnership(self._client, nick, now)
        self._history.ownerships.append(self._ownership)

    def _end_ownership(self, now: float) -> None:
        if self._ownership is not None:
            self._ownership.until = now
            self._ownership = None
