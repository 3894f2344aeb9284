"""The registry of this node's sessions, and of what each holds in Redis: a nickname, and rooms.

A session outlives its connection by the grace time: it keeps its nickname and stays listed in its
rooms, and a client with its secret can resume it on any node. What may happen to a session is
decided in `gateway.sessions.states` and `gateway.sessions.table`; this module asks Redis, and acts.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import trio

from gateway.backplane import Backplane, LooksAlike, ResumedSession, Unavailable
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
    """There is a session with this id on this node already."""


class SessionRegistry:
    """All sessions that this node knows of; ``grace`` is the grace time in seconds."""

    def __init__(self, backplane: Backplane, relay: Relay, *, grace: float) -> None:
        self._backplane = backplane
        self._relay = relay
        self._table = SessionTable(grace, on_gone=self._forgotten)
        self.on_gone: Callable[[str], None] = lambda _: None
        """Called with the id of each session of which nothing is left."""
        self._releaser = Releaser(backplane, relay, self._table)
        self._grace_began = trio.Event()

    # --- a session and its connection ---------------------------------------------------------

    def hold(self, sid: str, connection: ConnectionHandle) -> SessionRecord:
        """Return a new session, for which a connection is about to claim a nickname.

        A connection whose claim failed gets the same one again.

        :raises SessionExists: if there is another session with this id.
        :raises Unavailable: while Redis is away; then no session is made.
        """
        record = self.sessions.get(sid)
        is_own = record is not None and record.connection is connection
        if record is not None and not (is_own and record.state is SessionState.CLAIMING):
            raise SessionExists
        require_redis(self._backplane)
        if record is None:
            record = self._table.add_claiming(sid, connection)
            record.began = trio.current_time()
        return record

    async def resume(
        self,
        sid: str,
        connection: ConnectionHandle,
        since: Position | None,
        *,
        longest: float = math.inf,
    ) -> tuple[SessionRecord, Missed] | None:
        """Resume a session over a connection; its former connection on this node is closed.

        - ``since``: the last direct message that its client has seen;
        - ``longest``: how old it may be, in seconds; an older one is ended.

        :returns: the session, and what it missed in its inbox; None if there is no such session.
        :raises Unavailable: if Redis does not answer, or another connection here is resuming it.
        """
        record = self.sessions.get(sid)
        if record is not None and record.resumption is not Resumption.NONE:
            raise Unavailable("it is being taken up already")
        require_redis(self._backplane)
        if record is not None and not record.may_be_resumed:
            return None  # it is over; what it held is being released
        record = self._table.asked(sid)
        try:
            found, missed = await self._ask_redis(sid, since)
        except BaseException:
            self._table.unanswered(record, trio.current_time())
            self._wake()
            raise
        if found is None:
            self._table.not_found(record, trio.current_time())
            self._wake()
            return None
        now = trio.current_time()
        lost = self._table.resumed(record, connection, found.term, found.line, now)
        self._drop(record, lost, REPLACED)
        record.began = now - found.age
        if found.age >= longest:
            self.release(record)
            await self.released(record)
            return None
        return record, missed

    async def _ask_redis(
        self, sid: str, since: Position | None
    ) -> tuple[ResumedSession | None, Missed]:
        found = await self._backplane.nicks.resume(sid)
        if found is None:
            return None, NOTHING_MISSED
        return found, await self._relay.inboxes.missed(sid, since, term=found.term)

    def disconnected(self, record: SessionRecord) -> None:
        """Park a session whose connection is lost; release it if it cannot be resumed.

        Synchronous, as `release`, so that it can be called during a cancellation.
        """
        self._drop(record, self._transition(record, SessionEvent.DISCONNECTED))

    def release(self, record: SessionRecord, closing: Close | None = None) -> None:
        """End a session, and release what it holds, as soon as Redis answers.

        Its connection is closed only if ``closing`` is given.
        """
        self._drop(record, self._transition(record, SessionEvent.ENDED), closing)

    def replaced(self, record: SessionRecord, term: int) -> None:
        """Record that another node resumed a session after ``term``; close its connection."""
        if record.term <= term:  # else it has been resumed here since
            self._drop(record, self._transition(record, SessionEvent.REPLACED), REPLACED)

    def _forgotten(self, sid: str) -> None:
        self.on_gone(sid)

    def _transition(self, record: SessionRecord, event: SessionEvent) -> Detached:
        return self._table.transition(record, event, trio.current_time())

    def _drop(self, record: SessionRecord, lost: Detached, closing: Close | None = None) -> None:
        """Act on what a session lost: stop sending it the rooms, and close the connection."""
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
        """Count a room as followed from now on; undo that if joining it fails.

        With `Unavailable` and `LooksAlike` Redis may list the session all the same: see
        `SessionTable.join_failed`.
        """
        before = self._table.join_room(record, room)
        try:
            yield
        except (Unavailable, LooksAlike):
            if record.rooms.get(room) is RoomState.FOLLOWED:  # else it has been parked meanwhile
                follows = record.sid in self.followers(room)
                now = trio.current_time()
                self._table.join_failed(record, room, before, follows=follows, now=now)
                self._wake()
            raise

    def left(self, record: SessionRecord, room: str) -> None:
        """Record that Redis has removed a session from a room that it followed."""
        self._table.left_room(record, room)
        self._relay.drop_member(room, record.sid)

    def give_back(self, record: SessionRecord, room: str) -> bool:
        """Have a session leave a room as soon as Redis answers; return whether it was in it."""
        if not self._table.give_back(record, room):
            return False
        self._relay.drop_member(room, record.sid)
        self._wake()
        return True

    def take_over_room(self, record: SessionRecord, successor: SessionRecord, room: str) -> None:
        """Record that another session has a session's place in a room, as in Redis already."""
        self._table.left_room(record, room)
        self._table.join_room(successor, room)

    def is_listed_in(self, room: str) -> bool:
        """Return whether a session of this node is listed in a room without following it."""
        return room in self._table.listed

    # --- what is claimed ----------------------------------------------------------------------

    @asynccontextmanager
    async def claiming(self, record: SessionRecord) -> AsyncIterator[None]:
        """Lock a session's claims: in this context no other task makes any, or releases any.

        Else a claim under way might be carried out after the release.
        """
        try:
            async with record.claims:
                yield
        finally:
            self._releaser.wake()

    @property
    def unverified(self) -> int:
        """The number of unverified sessions."""
        return len(self._table.unverified)

    def mark_unverified(self, *records: SessionRecord) -> None:
        """Claim again soon all that sessions hold: what Redis has of them is uncertain."""
        for record in records:
            self._table.mark_unverified(record)

    def resumed_elsewhere(self, sid: str) -> None:
        """Record a notification that another node has resumed a session; it may be outdated."""
        self._table.resumed_elsewhere(sid)

    def take_unverified(self, most: int) -> list[SessionRecord]:
        """Return some unverified sessions, which count as verified from now on."""
        return self._table.take_unverified(most)

    # --- what the node asks -------------------------------------------------------------------

    @property
    def sessions(self) -> Mapping[str, SessionRecord]:
        """All sessions that this node knows of, by id; read-only."""
        return self._table.sessions

    @property
    def rooms(self) -> Iterable[str]:
        """All rooms in which a session of this node is listed."""
        return self._relay.rooms.keys() | self._table.listed

    @property
    def connected(self) -> int:
        """The number of sessions with a connection."""
        return self._count(SessionState.CONNECTED)

    @property
    def parked(self) -> int:
        """The number of sessions without a connection here that may be resumed on some node."""
        return self._count(SessionState.PARKED, SessionState.MOVED)

    def _count(self, *states: SessionState) -> int:
        return sum(1 for record in self.sessions.values() if record.state in states)

    def followers(self, room: str) -> Collection[str]:
        """Return the sessions that follow a room here."""
        followed = self._relay.rooms.get(room)
        return () if followed is None else followed.sessions

    async def released(self, record: SessionRecord) -> None:
        """Wait until nothing is held any more by a session that is over."""
        await self._releaser.released(record)

    # --- over time ----------------------------------------------------------------------------

    async def all_released(self) -> None:
        """Wait until everything that is to be released has been."""
        await self._releaser.all_released()

    async def run(self) -> None:
        """End grace times, and release what is to be; runs for as long as the node does."""
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
