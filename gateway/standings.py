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
from gateway.claims import claim, enter, require_redis
from gateway.closing import NICK_LOST, REPLACED, Closing
from gateway.inbox import NOTHING_MISSED, Missed
from gateway.parking import Parking
from gateway.relay import Relay
from gateway.standing import Standing
from gateway.wire import Position

_RELEASE_BATCH: Final = 200
_CLAIM_BATCH: Final = 100

log = structlog.get_logger("standings")


class Standings:
    """Every session that this node holds: with a connection, parked, or being given back."""

    def __init__(self, backplane: Backplane, relay: Relay, *, grace: float) -> None:
        self._backplane = backplane
        self._relay = relay
        self._parking = Parking(grace)
        self._standings: dict[str, Standing] = {}
        self._departures: dict[str, Standing] = {}
        self._unsettled: dict[str, Standing] = {}
        self._resuming: dict[str, bool] = {}
        self._departed = trio.Event()
        self._all_released = trio.Event()
        self._parked = trio.Event()

    # --- what sessions do ---------------------------------------------------------------------

    def hold(self, standing: Standing) -> None:
        """Keep what a session is about to claim, until it is parked or released.

        :raises Unavailable: while Redis is away: nothing can be claimed then, so nothing is kept.
        """
        require_redis(self._backplane)
        self._standings[standing.sid] = standing

    async def resume(
        self, sid: str, close: Callable[[Closing], None], since: Position | None
    ) -> tuple[Standing, Missed] | None:
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
        standing = self._standings.get(sid) or self._departures.get(sid) or Standing(sid, None)
        if standing.close is not None and standing.close is not close:
            standing.close(REPLACED)
        self.park(standing)
        standing.term, standing.who = found
        standing.close, standing.over, standing.moved = close, False, False
        if taken:
            self.settle(standing)
        return standing, missed

    def _in_doubt(self, sid: str) -> None:
        """Note that a session may be this node's now, in a term that was not heard of.

        Should nobody ask for it again, it is given back.
        """
        standing = self._standings.get(sid) or self._departures.get(sid)
        if standing is None:
            self.park(Standing(sid, None))
        elif standing.over:
            standing.term = NO_TERM
        else:
            standing.moved = False
            self.settle(standing)

    @contextmanager
    def joining(self, standing: Standing, room: str) -> Iterator[None]:
        """Note that a session's connection follows a room; if it then cannot, it is as before.

        It may be listed all the same, if it is not known whether Redis did it. One that was in the
        room, and does not follow it any more, has the grace time to join it again.
        """
        was_listed = room in standing.joined or room in self._parking.rooms(standing.sid)
        standing.joined.add(room)
        self._parking.came_back(standing.sid, room)
        self._not_leaving(standing, room)
        try:
            yield
        except Unavailable:
            if room in standing.joined:  # else it has been parked meanwhile
                self._cannot_join(standing, room, was_listed=was_listed)
            raise

    def settle(self, standing: Standing) -> None:
        """Have a session's claims made good soon: what Redis knows of them is uncertain."""
        if standing.sid in self._standings:
            self._unsettled[standing.sid] = standing

    @asynccontextmanager
    async def claiming(self, standing: Standing) -> AsyncIterator[None]:
        """Have nobody else claim anything for a session meanwhile, nor give back what it held.

        A claim that is given back while it is under way might be carried out after that.
        """
        try:
            async with standing.claims:
                yield
        finally:
            self._departed.set()

    async def join_again(self, standing: Standing) -> None:
        """Tell all rooms that a session is listed in who it is now."""
        for room in sorted(standing.joined | self._parking.rooms(standing.sid)):
            with suppress(Refused):  # the link has logged it; the others are told all the same
                await enter(self._backplane, standing, room)

    def park(self, standing: Standing) -> None:
        """Keep a session that has lost its connection for the grace time; synchronous."""
        self._standings[standing.sid] = standing
        standing.close = None
        self._unfollow(standing)
        self._parked.set()

    def release(self, standing: Standing) -> None:
        """Give back what a session holds: at once, or as soon as Redis is there again.

        Synchronous, so that a session can end in the middle of anything.
        """
        if self._standings.pop(standing.sid, None) is None:
            return  # it has never claimed anything
        standing.over, standing.close = True, None
        self._unfollow(standing)
        if self._unsettled.pop(standing.sid, None) is not None:
            standing.term = NO_TERM  # this node may have it in a later one than is known
        self._depart(standing)

    def is_listed_in(self, room: str) -> bool:
        """Tell whether somebody here is listed in a room without following it."""
        return room in self._parking.listed

    # --- what the node asks -------------------------------------------------------------------

    @property
    def rooms(self) -> Iterable[str]:
        """Every room in which somebody is listed as being on this node."""
        return self._relay.rooms.keys() | self._parking.listed

    @property
    def connected(self) -> int:
        """How many sessions have a connection."""
        return sum(1 for s in self._standings.values() if s.close is not None and s.nick)

    @property
    def parked(self) -> int:
        """How many sessions have none and may come back."""
        return sum(1 for standing in self._standings.values() if standing.close is None)

    def unknown(self, sids: Iterable[str]) -> list[str]:
        """Give those, of sessions that Redis has for this node, that it knows nothing of."""
        known = (self._standings, self._departures, self._resuming)
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
        standing = self._standings.get(sid) or self._departures.get(sid)
        if standing is None:
            return sid in self._resuming
        return (
            room in standing.joined
            or room in standing.leaving
            or room in self._parking.rooms(sid)
            or standing.claims.locked()
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
        self._unsettled |= {s.sid: s for s in self._standings.values() if not s.moved}

    def heard_taken(self, sid: str) -> None:
        """Take in that another node has taken a session up, or had when it said so."""
        if sid in self._resuming:
            self._resuming[sid] = True
        elif (standing := self._standings.get(sid)) is not None and not standing.moved:
            self.settle(standing)

    def everybody(self) -> list[str]:
        """Return all sessions that this node holds."""
        return list(self._standings)

    def owned(self, sids: Iterable[str]) -> dict[str, str]:
        """Return the nicknames that these sessions should own in Redis now, by session.

        Those are left out for which something is being claimed, or will be.
        """
        return {
            sid: standing.nick
            for sid in sids
            if (standing := self._standings.get(sid)) is not None
            and standing.who
            and not (standing.moved or standing.claims.locked() or sid in self._unsettled)
        }

    def settle_those(self, sids: Iterable[str]) -> None:
        """Claim anew, soon, what those of these sessions hold that are here."""
        for sid in sids:
            if (standing := self._standings.get(sid)) is not None:
                self.settle(standing)

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
                for standing in batch:
                    del self._unsettled[standing.sid]
                    nursery.start_soon(self._claim, standing, failures)
            if failures:
                raise failures[0]

    async def _claim(self, standing: Standing, failures: list[Unavailable]) -> None:
        async with self.claiming(standing):
            if standing.over or standing.moved or not standing.who:
                return
            try:
                await claim(self._backplane, standing, standing.who)
                await self.join_again(standing)
            except NickTaken:
                self._end(standing, NICK_LOST)
            except Replaced as replaced:
                standing.replaced(replaced.term)
            except Unavailable as error:
                failures.append(error)
                self.settle(standing)

    def _end(self, standing: Standing, closing: Closing) -> None:
        close = standing.close
        self.release(standing)
        if close is not None:
            close(closing)

    # --- giving back --------------------------------------------------------------------------

    def _unfollow(self, standing: Standing) -> None:
        """Follow no room here any more, but stay listed in each for the grace time."""
        for room in standing.joined:
            self._relay.drop_member(room, standing.sid)
        self._parking.put(standing.sid, standing.joined - standing.leaving, trio.current_time())
        standing.joined = set()

    def _depart(self, standing: Standing) -> None:
        standing.leaving |= self._parking.take(standing.sid)
        self._departures[standing.sid] = standing
        self._departed.set()

    def _cannot_join(self, standing: Standing, room: str, *, was_listed: bool) -> None:
        if not was_listed:
            standing.joined.discard(room)
            standing.leaving.add(room)
            self._parking.leaves(room)
            self._departures[standing.sid] = standing
            self._departed.set()
        elif standing.sid not in self.followers(room):
            standing.joined.discard(room)
            self._parking.put(standing.sid, {room}, trio.current_time())
            self._parked.set()

    def _not_leaving(self, standing: Standing, room: str) -> None:
        if room in standing.leaving:
            standing.leaving.remove(room)
            self._parking.left(room)

    async def _expire(self) -> None:
        while True:
            now = trio.current_time()
            for sid in self._parking.expired(now):
                standing = self._standings.get(sid)
                if standing is None:
                    self._parking.take(sid)
                elif standing.close is None:
                    self.release(standing)
                else:
                    self._depart(standing)  # of the rooms it has not joined again
            self._parked = trio.Event()
            with trio.move_on_at(self._parking.next_expiry or math.inf):
                await self._parked.wait()

    async def _release_departed(self) -> None:
        retry = Retry()
        while True:
            due = [
                standing
                for standing in self._departures.values()
                if standing.sid not in self._resuming and not standing.claims.locked()
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
                await self._backplane.link.wait_connected()
                await trio.sleep(retry.pause(error))

    async def _release(self, batch: list[Standing]) -> None:
        """Give back what these hold; whoever is being taken up meanwhile keeps the rest of it."""
        for room in {room for standing in batch for room in standing.leaving}:
            leaving = [s for s in batch if room in s.leaving and s.sid not in self._resuming]
            if leaving:
                with suppress(Refused):  # there is nothing to be given back in such a room
                    await self._backplane.rooms.leave(room, {s.sid: s.term for s in leaving})
            for standing in leaving:
                self._not_leaving(standing, room)
            if room not in self._relay.rooms and not self.is_listed_in(room):
                await self._backplane.rooms.left(room)
        over = [s for s in batch if s.over and s.sid not in self._resuming]
        ended = await self._backplane.nicks.release({s.sid: s.term for s in over})
        await self._backplane.inboxes.forget(ended)
        for standing in batch:
            done = standing in over or not standing.over
            if done and not standing.leaving and standing.sid not in self._resuming:
                self._departures.pop(standing.sid, None)
