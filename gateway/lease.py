"""What this node holds in Redis for its sessions: claimed, kept by heartbeats, and given back.

Survivors give back what a dead node held, so that no nickname stays taken and nobody stays listed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Final, NamedTuple, Protocol

import structlog
import trio

from gateway.backplane import Backplane, Deaths, NickTaken, Unavailable
from gateway.closing import NICK_LOST, Closing
from gateway.relay import Relay

BEAT_SECONDS: Final = 1.0
DEAD_AFTER: Final = 5.0
"""Seconds without a heartbeat after which a node counts as dead."""
PROBE_PATIENCE: Final = 5.0
"""Seconds without one of its own probes after which a node's subscription is built anew."""
NOT_READY_AFTER: Final = 3.0
INDEX_SECONDS: Final = 60.0

_RELEASE_BATCH: Final = 200
_CLAIM_BATCH: Final = 100
_RETRY_SECONDS: Final = 0.25

log = structlog.get_logger("lease")


class Holder(Protocol):
    """A session, as far as what it holds is concerned."""

    sid: str

    async def reclaim(self) -> None:
        """Claim it all again. :raises NickTaken: if that is too late. :raises Unavailable: ."""

    def close(self, closing: Closing) -> None:
        """End the session; synchronous."""


class Departure(NamedTuple):
    """What a session that has ended may still hold; letting go of what it does not is harmless."""

    sid: str
    nicks: tuple[str, ...]
    rooms: tuple[str, ...]


class Lease:
    """One node's heartbeat, and the upkeep of everything that hangs on it."""

    def __init__(self, backplane: Backplane, relay: Relay, node: str) -> None:
        self._backplane = backplane
        self._relay = relay
        self._node = node
        self._sessions: dict[str, Holder] = {}
        self._departures: deque[Departure] = deque()
        self._departed = trio.Event()
        self._all_released = trio.Event()
        self._all_released.set()
        self._deaths = Deaths(DEAD_AFTER)
        self._answered_at = -NOT_READY_AFTER
        self._probe_heard_at = -NOT_READY_AFTER
        self._silent_since = 0.0
        self._forgotten = False
        self._unsettled: dict[str, Holder] = {}
        self._under_way: set[str] = set()

    # --- what sessions do ---------------------------------------------------------------------

    def hold(self, session: Holder) -> None:
        """Keep what a session claims, until `release`."""
        self._sessions[session.sid] = session

    def settle(self, session: Holder) -> None:
        """Have a session's claims made good soon: an answer of Redis to one of them was lost."""
        if session.sid in self._sessions:
            self._unsettled[session.sid] = session

    def release(self, sid: str, nicks: Iterable[str], rooms: Iterable[str]) -> None:
        """Give back what a session held: at once, or as soon as Redis is there again.

        Synchronous, so that a session can end in the middle of anything.
        """
        self._sessions.pop(sid, None)
        self._unsettled.pop(sid, None)
        self._departures.append(Departure(sid, tuple(nicks), tuple(rooms)))
        self._all_released = trio.Event()
        self._departed.set()

    async def released(self) -> None:
        """Wait until everything that was to be given back has been."""
        while self._departures:
            await self._all_released.wait()

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return len(self._sessions)

    # --- what the node asks -------------------------------------------------------------------

    def heard_probe(self) -> None:
        """Take note that one of this node's own probes came back by the subscription."""
        self._probe_heard_at = trio.current_time()

    def why_not_ready(self) -> str | None:
        """Tell what keeps the node from serving; None if it can."""
        now = trio.current_time()
        if not self._backplane.link.connected or now - self._answered_at > NOT_READY_AFTER:
            return "Redis does not answer"
        if not self.subscription_delivers:
            return "the subscription to Redis does not deliver"
        return None

    @property
    def subscription_delivers(self) -> bool:
        """Whether a probe came back lately."""
        return trio.current_time() - self._probe_heard_at <= NOT_READY_AFTER

    async def run(self) -> None:
        """Keep the lease; runs for as long as the node does."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._beat, nursery)
            nursery.start_soon(self._release_departed)
            nursery.start_soon(self._keep_index)
            nursery.start_soon(self._listen_for_probes)

    async def give_up(self) -> None:
        """Strike this node off the register; for the very end. :raises Unavailable: if away."""
        await self._backplane.rooms.release_node(self._node)
        await self._backplane.nodes.remove(self._node)

    # --- the upkeep ---------------------------------------------------------------------------

    async def _listen_for_probes(self) -> None:
        await self._backplane.subscription.subscribe(self._backplane.nodes.channel)

    async def _beat(self, nursery: trio.Nursery) -> None:
        while True:
            try:
                registered, others = await self._backplane.nodes.beat("probe")
                if not registered:
                    # Redis lost its data, or the other nodes took this one for dead.
                    await self._backplane.nodes.register()
                    self._forgotten = True
                    self._unsettled |= self._sessions
                now = self._answered_at = trio.current_time()
                # Both may take long; the heart goes on beating meanwhile.
                if self._forgotten or self._unsettled:
                    self._do_once(nursery, "settle", self._settle)
                for node in self._deaths.judge(others, now):
                    self._do_once(nursery, f"bury {node}", partial(self._bury, node))
            except Unavailable:
                # While Redis is away everybody's beats stand still; nobody is dead for that.
                self._deaths.forget()
            self._check_subscription()
            settled = self.why_not_ready() is None
            await trio.sleep(BEAT_SECONDS if settled else BEAT_SECONDS / 10)

    def _do_once(
        self, nursery: trio.Nursery, name: str, work: Callable[[], Awaitable[None]]
    ) -> None:
        """Start some upkeep unless it is under way; what fails, a later beat starts again."""

        async def attempt() -> None:
            try:
                await work()
            except Unavailable as error:
                log.info("upkeep postponed", work=name, reason=str(error))
            finally:
                self._under_way.discard(name)

        if name not in self._under_way:
            self._under_way.add(name)
            nursery.start_soon(attempt)

    def _check_subscription(self) -> None:
        """Build the subscription anew if what is published is not heard, though Redis answers."""
        subscription = self._backplane.subscription
        if not subscription.connected or not self._backplane.link.connected:
            self._silent_since = trio.current_time()
            return
        if trio.current_time() - max(self._probe_heard_at, self._silent_since) > PROBE_PATIENCE:
            log.warning("subscription silent", seconds=PROBE_PATIENCE)
            self._silent_since = trio.current_time()
            subscription.rebuild()

    async def _settle(self) -> None:
        """Have unsettled sessions claim again what they hold, many at a time."""
        if self._unsettled:
            log.warning("claiming anew", sessions=len(self._unsettled))
        while self._unsettled:
            batch = list(self._unsettled.values())[:_CLAIM_BATCH]
            async with trio.open_nursery() as nursery:
                for session in batch:
                    del self._unsettled[session.sid]
                    nursery.start_soon(self._claim, session)
            if any(session.sid in self._unsettled for session in batch):
                raise Unavailable("not every session could claim anew")
        if self._forgotten:
            if self._relay.rooms:
                await self._backplane.rooms.entered(*self._relay.rooms)
            self._forgotten = False
            self._relay.recheck()

    async def _claim(self, session: Holder) -> None:
        try:
            await session.reclaim()
        except NickTaken:
            session.close(NICK_LOST)
        except Unavailable:
            self.settle(session)

    async def _bury(self, node: str) -> None:
        """Give back what a dead node held; every survivor may do it, any number of times."""
        log.warning("node died", dead_node=node)
        await self._backplane.nodes.declare_dead(node)
        # The rooms first: whoever comes back under a name that is free again is not still listed.
        await self._backplane.rooms.release_node(node)
        await self._backplane.nicks.release_node(node)
        await self._backplane.nodes.remove(node)

    async def _release_departed(self) -> None:
        while True:
            await self._departed.wait()
            batch = list(self._departures)[:_RELEASE_BATCH]
            try:
                await self._release(batch)
            except Unavailable:
                await self._backplane.link.wait_connected()
                await trio.sleep(_RETRY_SECONDS)
                continue
            for _ in batch:
                self._departures.popleft()
            if not self._departures:
                self._departed = trio.Event()
                self._all_released.set()

    async def _release(self, batch: list[Departure]) -> None:
        by_room: dict[str, list[str]] = {}
        for departure in batch:
            for room in departure.rooms:
                by_room.setdefault(room, []).append(departure.sid)
        for room, sids in by_room.items():
            await self._backplane.rooms.leave(room, *sids)
            if room not in self._relay.rooms:
                await self._backplane.rooms.left(room)
        await self._backplane.nicks.release(
            (nick, departure.sid) for departure in batch for nick in departure.nicks
        )
        await self._backplane.inboxes.forget([departure.sid for departure in batch])

    async def _keep_index(self) -> None:
        """Keep this node's rooms in the listing, and drop what has expired from it."""
        while True:
            await trio.sleep(INDEX_SECONDS)
            try:
                if self._relay.rooms:
                    await self._backplane.rooms.entered(*self._relay.rooms)
                await self._backplane.rooms.forget_expired()
            except Unavailable:
                log.debug("listing not refreshed")
