"""The sessions of this node, with what each holds in Redis: a nickname, and places in rooms.

A session outlives its connection. One that drops is parked for the grace time: it keeps its name
and stays listed, and whoever has its secret takes it up, here or on another node. All that is given
back is given back only as far as it is marked as this node's still, in no later term than it had
here, so giving back late is harmless to a session that has moved on, or has come back.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

import structlog
import trio

from gateway.backplane import NO_TERM, Backplane, NickTaken, Refused, Replaced, Retry, Unavailable
from gateway.delivery.inbox import NOTHING_MISSED, Missed
from gateway.delivery.relay import Relay
from gateway.sessions.claims import claim, enter, require_redis
from gateway.sessions.record import SessionRecord
from gateway.sessions.rejoin_grace import RejoinGrace
from gateway.wire import Position
from gateway.wire.close_codes import NICK_LOST, REPLACED, Close

_RELEASE_BATCH: Final = 200
_CLAIM_BATCH: Final = 100

log = structlog.get_logger("registry")


class SessionRegistry:
    """Every session that this node holds: with a connection, parked, or being given back."""

    def __init__(self, backplane: Backplane, relay: Relay, *, grace: float) -> None:
        self._backplane = backplane
        self._relay = relay
        self._rejoin_grace = RejoinGrace(grace)
        self._registry: dict[str, SessionRecord] = {}
        self._departures: dict[str, SessionRecord] = {}
        self._unsettled: dict[str, SessionRecord] = {}
        self._resuming: dict[str, bool] = {}
        self._departed = trio.Event()
        self._all_released = trio.Event()
        self._parked = trio.Event()

    # --- what sessions do ---------------------------------------------------------------------

    def hold(self, record: SessionRecord) -> None:
        """Keep what a session is about to claim, until it is parked or released.

        :raises Unavailable: while Redis is away: nothing can be claimed then, so nothing is kept.
        """
        require_redis(self._backplane)
        self._registry[record.sid] = record

    async def resume(
        self, sid: str, close: Callable[[Close], None], since: Position | None
    ) -> tuple[SessionRecord, Missed] | None:
        """Take a session up for another connection; one that it still has is closed.

        ``since`` is where its client says it was in its inbox.

        :returns: the session, and what it missed in its inbox; None if there is none.
        :raises Unavailable: if Redis does not answer.
        """
        if sid in self._resuming:
            raise Unavailable("it is being taken up already")
        require_redis(self._backplane)
        if (departing := self._departures.get(sid)) is not None and departing.over:
            return None  # what it held is only still to be given back
        self._resuming[sid] = False
        found, answered, taken = None, False, False
        missed = NOTHING_MISSED
        try:
            found = await self._backplane.nicks.resume(sid)
            if found is not None:
                missed = await self._relay.inboxes.missed(sid, since, term=found.term)
            answered = True
        finally:
            taken = self._resuming.pop(sid)
            self._departed.set()
            if not answered:
                self._in_doubt(sid)
        if found is None:
            return None
        record = self._registry.get(sid) or self._departures.get(sid) or SessionRecord(sid, None)
        if record.close is not None and record.close is not close:
            record.close(REPLACED)
        self.park(record)
        record.term, record.who = found
        record.close, record.over, record.moved = close, False, False
        if taken:
            self.settle(record)
        return record, missed

    def _in_doubt(self, sid: str) -> None:
        """Note that a session may be this node's now, in a term that was not heard of.

        Should nobody ask for it again, it is given back.
        """
        record = self._registry.get(sid) or self._departures.get(sid)
        if record is None:
            self.park(SessionRecord(sid, None))
        elif record.over:
            record.term = NO_TERM
        else:
            record.moved = False
            self.settle(record)

    @contextmanager
    def joining(self, record: SessionRecord, room: str) -> Iterator[None]:
        """Note that a session's connection follows a room; if it then cannot, it is as before.

        It may be listed all the same, if it is not known whether Redis did it. One that was in the
        room, and does not follow it any more, has the grace time to join it again.
        """
        was_listed = room in record.joined or room in self._rejoin_grace.rooms(record.sid)
        record.joined.add(room)
        self._rejoin_grace.came_back(record.sid, room)
        self._not_leaving(record, room)
        try:
            yield
        except Unavailable:
            if room in record.joined:  # else it has been parked meanwhile
                self._cannot_join(record, room, was_listed=was_listed)
            raise

    def settle(self, record: SessionRecord) -> None:
        """Have a session's claims made good soon: what Redis knows of them is uncertain."""
        if record.sid in self._registry:
            self._unsettled[record.sid] = record

    @asynccontextmanager
    async def claiming(self, record: SessionRecord) -> AsyncIterator[None]:
        """Have nobody else claim anything for a session meanwhile, nor give back what it held.

        A claim that is given back while it is under way might be carried out after that.
        """
        try:
            async with record.claims:
                yield
        finally:
            self._departed.set()

    async def join_again(self, record: SessionRecord) -> None:
        """Tell all rooms that a session is listed in who it is now."""
        for room in sorted(record.joined | self._rejoin_grace.rooms(record.sid)):
            with suppress(Refused):  # the link has logged it; the others are told all the same
                await enter(self._backplane, record, room)

    def park(self, record: SessionRecord) -> None:
        """Keep a session that has lost its connection for the grace time; synchronous."""
        self._registry[record.sid] = record
        record.close = None
        self._unfollow(record)
        self._parked.set()

    def release(self, record: SessionRecord) -> None:
        """Give back what a session holds: at once, or as soon as Redis is there again.

        Synchronous, so that a session can end in the middle of anything.
        """
        if self._registry.pop(record.sid, None) is None:
            return  # it has never claimed anything
        record.over, record.close = True, None
        self._unfollow(record)
        if self._unsettled.pop(record.sid, None) is not None:
            record.term = NO_TERM  # this node may have it in a later one than is known
        self._depart(record)

    def is_listed_in(self, room: str) -> bool:
        """Tell whether somebody here is listed in a room without following it."""
        return room in self._rejoin_grace.listed

    # --- what the node asks -------------------------------------------------------------------

    @property
    def rooms(self) -> Iterable[str]:
        """Every room in which somebody is listed as being on this node."""
        return self._relay.rooms.keys() | self._rejoin_grace.listed

    @property
    def connected(self) -> int:
        """How many sessions have a connection."""
        return sum(1 for s in self._registry.values() if s.close is not None and s.nick)

    @property
    def parked(self) -> int:
        """How many sessions have none and may come back."""
        return sum(1 for record in self._registry.values() if record.close is None)

    def unknown(self, sids: Iterable[str]) -> list[str]:
        """Give those, of sessions that Redis has for this node, that it knows nothing of."""
        known = (self._registry, self._departures, self._resuming)
        return [sid for sid in sids if not any(sid in sessions for sessions in known)]

    def strays(self, room: str, sids: Iterable[str]) -> list[str]:
        """Give those, of sessions that Redis has in a room on this node, that are not in it."""
        return [sid for sid in sids if not self._may_be_in(room, sid)]

    def followers(self, room: str) -> Collection[str]:
        """Give the sessions that follow a room here."""
        followed = self._relay.rooms.get(room)
        return () if followed is None else followed.sessions

    def settle_followers(self, room: str, sids: Iterable[str]) -> None:
        """Have those of these sessions claim anew that follow a room here still."""
        followers = self.followers(room)
        self.settle_those(sid for sid in sids if sid in followers)

    def _may_be_in(self, room: str, sid: str) -> bool:
        record = self._registry.get(sid) or self._departures.get(sid)
        if record is None:
            return sid in self._resuming
        return (
            room in record.joined
            or room in record.leaving
            or room in self._rejoin_grace.rooms(sid)
            or record.claims.locked()
        )

    async def released(self) -> None:
        """Wait until everything that was to be given back has been."""
        while self._departures:
            self._all_released = trio.Event()
            await self._all_released.wait()

    async def run(self) -> None:
        """Give back what is over; runs for as long as the node does."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._expire)
            nursery.start_soon(self._release_departed)

    # --- claims -------------------------------------------------------------------------------

    @property
    def unsettled(self) -> int:
        """How many sessions have claims that are uncertain."""
        return len(self._unsettled)

    def unsettle_all(self) -> None:
        """Have every session claim again what it holds: Redis may have forgotten it."""
        self._unsettled |= {s.sid: s for s in self._registry.values() if not s.moved}

    def heard_taken(self, sid: str) -> None:
        """Take in that another node has taken a session up, or had when it said so."""
        if sid in self._resuming:
            self._resuming[sid] = True
        elif (record := self._registry.get(sid)) is not None and not record.moved:
            self.settle(record)

    def everybody(self) -> list[str]:
        """Return all sessions that this node holds."""
        return list(self._registry)

    def owned(self, sids: Iterable[str]) -> dict[str, str]:
        """Return the nicknames that these sessions should own in Redis now, by session.

        Those are left out for which something is being claimed, or will be.
        """
        return {
            sid: record.nick
            for sid in sids
            if (record := self._registry.get(sid)) is not None
            and record.who
            and not (record.moved or record.claims.locked() or sid in self._unsettled)
        }

    def settle_those(self, sids: Iterable[str]) -> None:
        """Claim anew, soon, what those of these sessions hold that are here."""
        for sid in sids:
            if (record := self._registry.get(sid)) is not None:
                self.settle(record)

    async def settle_all(self) -> None:
        """Have unsettled sessions claim again what they hold, many at a time.

        :raises Unavailable: if not all could; they stay unsettled.
        """
        if len(self._unsettled) > 1:
            log.warning("claiming anew", sessions=len(self._unsettled))
        failures: list[Unavailable] = []
        while self._unsettled:
            batch = list(self._unsettled.values())[:_CLAIM_BATCH]
            async with trio.open_nursery() as nursery:
                for record in batch:
                    del self._unsettled[record.sid]
                    nursery.start_soon(self._claim, record, failures)
            if failures:
                raise failures[0]

    async def _claim(self, record: SessionRecord, failures: list[Unavailable]) -> None:
        async with self.claiming(record):
            if record.over or record.moved or not record.who:
                return
            try:
                await claim(self._backplane, record, record.who)
                await self.join_again(record)
            except NickTaken:
                self._end(record, NICK_LOST)
            except Replaced as replaced:
                record.replaced(replaced.term)
            except Unavailable as error:
                failures.append(error)
                self.settle(record)

    def _end(self, record: SessionRecord, closing: Close) -> None:
        close = record.close
        self.release(record)
        if close is not None:
            close(closing)

    # --- giving back --------------------------------------------------------------------------

    def _unfollow(self, record: SessionRecord) -> None:
        """Follow no room here any more, but stay listed in each for the grace time."""
        for room in record.joined:
            self._relay.drop_member(room, record.sid)
        self._rejoin_grace.put(record.sid, record.joined - record.leaving, trio.current_time())
        record.joined = set()

    def _depart(self, record: SessionRecord) -> None:
        record.leaving |= self._rejoin_grace.take(record.sid)
        self._departures[record.sid] = record
        self._departed.set()

    def _cannot_join(self, record: SessionRecord, room: str, *, was_listed: bool) -> None:
        if not was_listed:
            record.joined.discard(room)
            record.leaving.add(room)
            self._rejoin_grace.leaves(room)
            self._departures[record.sid] = record
            self._departed.set()
        elif record.sid not in self.followers(room):
            record.joined.discard(room)
            self._rejoin_grace.put(record.sid, {room}, trio.current_time())
            self._parked.set()

    def _not_leaving(self, record: SessionRecord, room: str) -> None:
        if room in record.leaving:
            record.leaving.remove(room)
            self._rejoin_grace.left(room)

    async def _expire(self) -> None:
        while True:
            now = trio.current_time()
            for sid in self._rejoin_grace.expired(now):
                record = self._registry.get(sid)
                if record is None:
                    self._rejoin_grace.take(sid)
                elif record.close is None:
                    self.release(record)
                else:
                    self._depart(record)  # of the rooms it has not joined again
            self._parked = trio.Event()
            with trio.move_on_at(self._rejoin_grace.next_expiry or math.inf):
                await self._parked.wait()

    async def _release_departed(self) -> None:
        retry = Retry()
        while True:
            due = [
                record
                for record in self._departures.values()
                if record.sid not in self._resuming and not record.claims.locked()
            ]
            if not due:
                self._all_released.set()
                self._departed = trio.Event()
                await self._departed.wait()
                continue
            try:
                await self._release(due[:_RELEASE_BATCH])
                retry.succeeded()
            except Unavailable as error:
                await self._backplane.wait_connected()
                await trio.sleep(retry.pause(error))

    async def _release(self, batch: list[SessionRecord]) -> None:
        """Give back what these hold; whoever is being taken up meanwhile keeps the rest of it."""
        for room in {room for record in batch for room in record.leaving}:
            leaving = [s for s in batch if room in s.leaving and s.sid not in self._resuming]
            if leaving:
                with suppress(Refused):  # there is nothing to be given back in such a room
                    await self._backplane.rooms.leave(room, {s.sid: s.term for s in leaving})
            for record in leaving:
                self._not_leaving(record, room)
            if room not in self._relay.rooms and not self.is_listed_in(room):
                await self._backplane.rooms.unregister(room)
        over = [s for s in batch if s.over and s.sid not in self._resuming]
        ended = await self._backplane.nicks.release({s.sid: s.term for s in over})
        await self._backplane.inboxes.forget(ended)
        for record in batch:
            done = record in over or not record.over
            if done and not record.leaving and record.sid not in self._resuming:
                self._departures.pop(record.sid, None)
