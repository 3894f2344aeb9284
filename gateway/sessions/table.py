"""All sessions that a node knows of, with what follows from their states. Pure.

Nothing here asks Redis, closes a connection or leaves a room: each change returns what the session
has lost by it (`Detached`), and `SessionRegistry` acts on that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from itertools import takewhile
from types import MappingProxyType
from typing import Final, NamedTuple

from gateway.backplane import NO_TERM
from gateway.sessions.record import ConnectionHandle, SessionRecord
from gateway.sessions.states import (
    GRACE_BEGINS,
    ROOM_EVENTS,
    ROOM_TRANSITIONS,
    WITH_CONNECTION,
    Resumption,
    RoomEvent,
    RoomState,
    SessionEvent,
    SessionState,
)
from gateway.state_machine import ImpossibleTransition, next_state

_LISTED_ONLY: Final = frozenset({RoomState.PARKED, RoomState.LEAVING})


class Detached(NamedTuple):
    """What a session lost by a change: its connection, and rooms that it followed."""

    connection: ConnectionHandle | None
    rooms: list[str]


class SessionTable:
    """Every session of a node by its id, and those for which something is due.

    ``grace`` is in seconds; ``now`` is of any one monotonic clock.
    """

    def __init__(self, grace: float, *, on_gone: Callable[[str], None] = lambda _: None) -> None:
        """Begin empty; ``on_gone`` is called with the id of each session that is forgotten."""
        self._grace = grace
        self._on_gone = on_gone
        self._sessions: dict[str, SessionRecord] = {}
        self.sessions: Mapping[str, SessionRecord] = MappingProxyType(self._sessions)
        """All sessions, to be read only."""
        self.unverified: dict[str, SessionRecord] = {}
        """The sessions whose claims are to be made again."""
        self.releasable: dict[str, SessionRecord] = {}
        """The sessions of which something is to be released."""
        self._expiring: dict[str, SessionRecord] = {}  # in the order of their times
        self._listed: Counter[str] = Counter()

    # --- what is known ------------------------------------------------------------------------

    @property
    def next_expiry(self) -> float | None:
        """When the next grace time ends; None if none is running."""
        return next((record.until for record in self._expiring.values()), None)

    @property
    def listed(self) -> Collection[str]:
        """The rooms in which a session of this node is listed without following them."""
        return self._listed.keys()

    # --- a session begins ---------------------------------------------------------------------

    def add_claiming(self, sid: str, connection: ConnectionHandle) -> SessionRecord:
        """Add a new session, for a connection that has sent a hello."""
        record = self._sessions[sid] = SessionRecord(sid, SessionState.CLAIMING, connection)
        return record

    def asked(self, sid: str) -> SessionRecord:
        """Record that a connection asks Redis for a session; return its record, old or new."""
        record = self._sessions.get(sid) or SessionRecord(sid, SessionState.UNKNOWN)
        self._sessions[sid] = record
        record.resumption = Resumption.ASKED
        return record

    def resumed_elsewhere(self, sid: str) -> None:
        """Record a notification that another node has resumed a session; it may be outdated."""
        if (record := self._sessions.get(sid)) is None:
            return
        if record.resumption is Resumption.NONE:
            self.mark_unverified(record)
        else:
            record.resumption = Resumption.OVERTAKEN

    def resumed(
        self, record: SessionRecord, connection: ConnectionHandle, term: int, line: str, now: float
    ) -> Detached:
        """Record that Redis moved a session that was `asked` for to this node.

        :returns: what it lost by that, but not ``connection``, if it had that one before.
        """
        lost = self._answered(record, SessionEvent.RESUMED, now)
        record.connection, record.term, record.line = connection, term, line
        record.address = connection.client_address
        return lost if lost.connection is not connection else Detached(None, lost.rooms)

    def not_found(self, record: SessionRecord, now: float) -> None:
        """Record that Redis has no such session."""
        self._answered(record, SessionEvent.NOT_FOUND, now)

    def _answered(self, record: SessionRecord, event: SessionEvent, now: float) -> Detached:
        overtaken = record.resumption is Resumption.OVERTAKEN
        record.resumption = Resumption.NONE
        lost = self.transition(record, event, now)
        if overtaken:
            self.mark_unverified(record)
        return lost

    def unanswered(self, record: SessionRecord, now: float) -> None:
        """Record that Redis did not answer: the session may be this node's, in an unknown term.

        It is claimed again, and released once it is over: after the grace time at the latest.
        """
        record.resumption = Resumption.NONE
        self.transition(record, SessionEvent.UNANSWERED, now)
        if record.state is SessionState.RELEASING:
            record.term = NO_TERM
        else:
            self.mark_unverified(record)

    # --- a session changes --------------------------------------------------------------------

    def transition(self, record: SessionRecord, event: SessionEvent, now: float) -> Detached:
        """Change a session's state, and with it its rooms, its connection and its grace time.

        :returns: what the session lost by that.
        :raises ImpossibleTransition: if the event cannot happen in its state.
        """
        before = record.state
        record.transition(event)
        if before is SessionState.GONE:  # by now another record may have its id
            return Detached(None, [])
        connection, followed = record.connection, record.rooms_in(RoomState.FOLLOWED)
        if event is SessionEvent.RESUMED or record.state not in WITH_CONNECTION:
            record.connection = None
        if room_events := ROOM_EVENTS.get((record.state, event)):
            for room, state in list(record.rooms.items()):
                if state in room_events:
                    self._change_room(record, room, room_events[state])
        self._set_grace(record, before, event, now)
        if record.unverified and not record.may_claim:
            record.unverified = False
            if record.state is SessionState.RELEASING:
                record.term = NO_TERM  # in Redis it may be in a later term than is known here
        self._update(record)
        lost_connection = connection if record.connection is not connection else None
        lost_rooms = [room for room in followed if record.rooms[room] is not RoomState.FOLLOWED]
        return Detached(lost_connection, lost_rooms)

    def expire(self, now: float) -> None:
        """End the grace times that are over: of sessions, or of rooms not joined again."""
        records = self._expiring.values()
        for record in list(takewhile(lambda r: r.until is not None and r.until <= now, records)):
            self.transition(record, SessionEvent.EXPIRED, now)

    def mark_unverified(self, record: SessionRecord) -> None:
        """Record that all claims of a session are to be made again, if its state allows claims."""
        if record.may_claim:
            record.unverified = True
            self._update(record)

    def take_unverified(self, most: int) -> list[SessionRecord]:
        """Return some unverified sessions, which count as verified from now on."""
        taken = list(self.unverified.values())[:most]
        for record in taken:
            record.unverified = False
            del self.unverified[record.sid]
        return taken

    # --- its rooms ----------------------------------------------------------------------------

    def join_room(self, record: SessionRecord, room: str) -> RoomState:
        """Record that a connected session is joining a room; return the room's state before."""
        if record.state is not SessionState.CONNECTED:
            raise ImpossibleTransition(f"{RoomEvent.JOIN} in {record.state}")
        before = record.rooms.get(room, RoomState.ABSENT)
        self._change_room(record, room, RoomEvent.JOIN)
        if before is RoomState.LEAVING:
            self._update(record)
        return before

    def join_failed(
        self, record: SessionRecord, room: str, before: RoomState, *, follows: bool, now: float
    ) -> None:
        """Record that a session could not join a room, or that it is unknown whether it did.

        - If it was not listed there before, it is removed again.
        - If it was, and no longer ``follows`` the room, it has the grace time to join again.
        - If it still ``follows`` the room, nothing changes.
        """
        if before in {RoomState.ABSENT, RoomState.LEAVING}:
            self._change_room(record, room, RoomEvent.GIVE_BACK)
        elif not follows:
            self._change_room(record, room, RoomEvent.PARK)
            self._set_until(record, now + self._grace)
        self._update(record)

    def left_room(self, record: SessionRecord, room: str) -> None:
        """Record that Redis has removed a session from a room."""
        self._change_room(record, room, RoomEvent.LEFT)
        self._update(record)

    def give_back(self, record: SessionRecord, room: str) -> bool:
        """Record that a session is to be removed from a room; return whether it was in it."""
        if record.rooms.get(room) not in {RoomState.FOLLOWED, RoomState.PARKED}:
            return False
        self._change_room(record, room, RoomEvent.GIVE_BACK)
        self._update(record)
        return True

    def _change_room(self, record: SessionRecord, room: str, event: RoomEvent) -> None:
        before = record.rooms.get(room, RoomState.ABSENT)
        after = next_state(ROOM_TRANSITIONS, before, event)
        if after is RoomState.ABSENT:
            del record.rooms[room]
        else:
            record.rooms[room] = after
        if change := (after in _LISTED_ONLY) - (before in _LISTED_ONLY):
            self._listed[room] += change
            if not self._listed[room]:
                del self._listed[room]

    def _set_grace(
        self, record: SessionRecord, before: SessionState, event: SessionEvent, now: float
    ) -> None:
        if record.state is SessionState.RELEASING or event is SessionEvent.EXPIRED:
            self._set_until(record, None)
        elif (before, event) in GRACE_BEGINS:
            self._set_until(record, now + self._grace)

    def _set_until(self, record: SessionRecord, until: float | None) -> None:
        record.until = until
        self._expiring.pop(record.sid, None)
        if until is not None:
            self._expiring[record.sid] = record

    def _update(self, record: SessionRecord) -> None:
        _keep(self.unverified, record, when=record.unverified)
        _keep(self.releasable, record, when=record.is_to_be_released)
        if record.state is SessionState.GONE:
            del self._sessions[record.sid]
            self._on_gone(record.sid)


def _keep(records: dict[str, SessionRecord], record: SessionRecord, *, when: bool) -> None:
    if when:
        records[record.sid] = record
    else:
        records.pop(record.sid, None)
