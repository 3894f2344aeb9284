"""The sessions of this node, with what each holds in Redis: a nickname, and places in rooms.

A session outlives its connection by the grace time: it keeps its name and stays listed, and whoever
has its secret resumes it, here or on another node. What may happen to a session is decided in
`gateway.sessions.states` and `gateway.sessions.table`; this module asks Redis, and acts.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import trio

from gateway.backplane import Backplane, TakenUp, Unavailable
from gateway.delivery.inbox import NOTHING_MISSED, Missed
from gateway.delivery.relay import Relay
from gateway.sessions.claims import require_redis
from gateway.sessions.record import ConnectionHandle, SessionRecord
from gateway.sessions.release import Releaser
from gateway.sessions.states import Resumption, RoomState, SessionEvent, SessionState
from gateway.sessions.table import Detached, SessionTable
from gateway.wire import Position
from gateway.wire.close_codes import REPLACED, Close


class SessionExists(Exception):
    """This node knows a session by this id already."""


class SessionRegistry:
    """Every session that this node holds, in whichever state; ``grace`` is in seconds."""

    def __init__(self, backplane: Backplane, relay: Relay, *, grace: float) -> None:
        self._backplane = backplane
        self._relay = relay
        self._table = SessionTable(grace)
        self._releaser = Releaser(backplane, relay, self._table)
        self._grace_began = trio.Event()

    # --- a session and its connection ---------------------------------------------------------

    def hold(self, sid: str, connection: ConnectionHandle) -> SessionRecord:
        """Return a new session, for which a connection is about to claim a nickname.

        A connection whose claim failed gets the same one again.

        :raises SessionExists: if there is another session by this id.
        :raises Unavailable: while Redis is away; then nothing is kept.
        """
        record = self.sessions.get(sid)
        is_own = record is not None and record.connection is connection
        if record is not None and not (is_own and record.state is SessionState.CLAIMING):
            raise SessionExists
        require_redis(self._backplane)
        return record or self._table.add_claiming(sid, connection)

    async def resume(
        self, sid: str, connection: ConnectionHandle, since: Position | None
    ) -> tuple[SessionRecord, Missed] | None:
        """Resume a session over a connection; one that it still has is closed.

        ``since`` is where its client says it was in its inbox.

        :returns: the session, and what it missed in its inbox; None if there is no such session.
        :raises Unavailable: if Redis does not answer, or somebody else is resuming it right now.
        """
        record = self.sessions.get(sid)
        if record is not None and record.resumption is not Resumption.NONE:
            raise Unavailable("it is being taken up already")
        require_redis(self._backplane)
        if record is not None and not record.may_be_resumed:
            return None  # what it held is only still to be given back
        record = self._table.asked(sid)
        try:
            found, missed = await self._take_up(sid, since)
        except BaseException:
            self._table.unanswered(record, trio.current_time())
            self._wake()
            raise
        if found is None:
            self._table.not_found(record, trio.current_time())
            self._wake()
            return None
        now = trio.current_time()
        lost = self._table.resumed(record, connection, found.term, found.who, now)
        self._drop(record, lost, REPLACED)
        return record, missed

    async def _take_up(self, sid: str, since: Position | None) -> tuple[TakenUp | None, Missed]:
        found = await self._backplane.nicks.resume(sid)
        if found is None:
            return None, NOTHING_MISSED
        return found, await self._relay.inboxes.missed(sid, since, term=found.term)

    def disconnected(self, record: SessionRecord) -> None:
        """Park a session whose connection is lost; one that nobody could resume is given back.

        Synchronous, as `release`, so that a session can end in the middle of anything.
        """
        self._drop(record, self._transition(record, SessionEvent.DISCONNECTED))

    def release(self, record: SessionRecord, closing: Close | None = None) -> None:
        """Give back what a session holds, at once or as soon as Redis is there again.

        Its connection is closed only if ``closing`` says with what.
        """
        self._drop(record, self._transition(record, SessionEvent.ENDED), closing)

    def replaced(self, record: SessionRecord, term: int) -> None:
        """Record that another node took a session up after ``term``; close its connection."""
        if record.term <= term:  # else it has come back since
            self._drop(record, self._transition(record, SessionEvent.REPLACED), REPLACED)

    def _transition(self, record: SessionRecord, event: SessionEvent) -> Detached:
        return self._table.transition(record, event, trio.current_time())

    def _drop(self, record: SessionRecord, lost: Detached, closing: Close | None = None) -> None:
        """Act on what a session has lost: follow its rooms no more, and close its connection."""
        for room in lost.rooms:
            self._relay.drop_member(room, record.sid)
        if lost.connection is not None and closing is not None:
            lost.connection.close(closing)
        self._wake()

    def _wake(self) -> None:
        self._grace_began.set()
        self._releaser.wake()

    # --- a session and its rooms --------------------------------------------------------------

    @contextmanager
    def joining(self, record: SessionRecord, room: str) -> Iterator[None]:
        """Count a room as followed while a session joins it; `Unavailable` undoes that.

        Redis may have listed the session all the same, so one that was not listed before is taken
        out. One that was, and does not follow the room any more, has the grace time to join again.
        """
        before = self._table.join_room(record, room)
        try:
            yield
        except Unavailable:
            if record.rooms.get(room) is RoomState.FOLLOWED:  # else it has been parked meanwhile
                follows = record.sid in self.followers(room)
                now = trio.current_time()
                self._table.join_failed(record, room, before, follows=follows, now=now)
                self._wake()
            raise

    def left(self, record: SessionRecord, room: str) -> None:
        """Record that Redis has taken a session out of a room that it followed."""
        self._table.left_room(record, room)
        self._relay.drop_member(room, record.sid)

    def is_listed_in(self, room: str) -> bool:
        """Return whether somebody here is listed in a room without following it."""
        return room in self._table.listed

    # --- what is claimed ----------------------------------------------------------------------

    @asynccontextmanager
    async def claiming(self, record: SessionRecord) -> AsyncIterator[None]:
        """Hold a session's claims: meanwhile nobody else makes any, or gives back what it held.

        A claim that is given back while it is under way might be carried out after that.
        """
        try:
            async with record.claims:
                yield
        finally:
            self._releaser.wake()

    @property
    def unverified(self) -> int:
        """How many sessions have claims that are uncertain."""
        return len(self._table.unverified)

    def mark_unverified(self, *records: SessionRecord) -> None:
        """Have all claims of sessions made again soon: what Redis knows of them is uncertain."""
        for record in records:
            self._table.mark_unverified(record)

    def taken_elsewhere(self, sid: str) -> None:
        """Record that another node has taken a session up, or had when it said so."""
        self._table.taken_elsewhere(sid)

    def take_unverified(self, most: int) -> list[SessionRecord]:
        """Return some unverified sessions, which count as verified from now on."""
        return self._table.take_unverified(most)

    # --- what the node asks -------------------------------------------------------------------

    @property
    def sessions(self) -> Mapping[str, SessionRecord]:
        """Every session that this node knows of, by its id; to be read only."""
        return self._table.sessions

    @property
    def rooms(self) -> Iterable[str]:
        """Every room in which somebody is listed as being on this node."""
        return self._relay.rooms.keys() | self._table.listed

    @property
    def connected(self) -> int:
        """How many sessions have a connection."""
        return self._count(SessionState.CONNECTED)

    @property
    def parked(self) -> int:
        """How many sessions have no connection and may come back, here or elsewhere."""
        return self._count(SessionState.PARKED, SessionState.MOVED)

    def _count(self, *states: SessionState) -> int:
        return sum(1 for record in self.sessions.values() if record.state in states)

    def followers(self, room: str) -> Collection[str]:
        """Return the sessions that follow a room here."""
        followed = self._relay.rooms.get(room)
        return () if followed is None else followed.sessions

    # --- over time ----------------------------------------------------------------------------

    async def all_released(self) -> None:
        """Wait until everything that was to be given back has been."""
        await self._releaser.all_released()

    async def run(self) -> None:
        """Give back what is over; runs for as long as the node does."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._expire)
            nursery.start_soon(self._releaser.run)

    async def _expire(self) -> None:
        while True:
            self._table.expire(trio.current_time())
            self._releaser.wake()
            self._grace_began = trio.Event()
            next_expiry = self._table.next_expiry
            with trio.move_on_at(math.inf if next_expiry is None else next_expiry):
                await self._grace_began.wait()
