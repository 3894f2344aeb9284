"""Membership: this node's heartbeat, readiness, and upkeep, such as releasing dead nodes.

Living nodes release what a dead node held: no nickname stays taken, and nobody stays listed.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final

import structlog
import trio

from gateway.backplane import Backplane, Denied, Refused, Retry, Unavailable
from gateway.backplane.nicks import TAKEN_MARK
from gateway.cluster.collector import Collector
from gateway.cluster.failure_detector import FailureDetector
from gateway.cluster.reconciler import Reconciler
from gateway.delivery.relay import Relay
from gateway.sessions.bans import NodeBans
from gateway.sessions.reclaim import reclaim
from gateway.sessions.registry import SessionRegistry

BEAT_SECONDS: Final = 1.0
"""Seconds between two heartbeats."""
DEAD_AFTER: Final = 3.0
"""Seconds without a heartbeat after which a node counts as dead; the others notice within five."""
NOT_READY_AFTER: Final = 3.0
"""Seconds without an answer to a heartbeat, or without a probe, after which a node is not ready."""
LATE_BEAT: Final = 1.5
"""Times `BEAT_SECONDS`: if this node's own heartbeats are further apart, it judges no others."""
TIDY_SECONDS: Final = 60.0
"""Seconds between two rounds of the upkeep that is not urgent."""

_NO_ANSWER: Final = "Redis does not answer"
_PROBE: Final = b"probe"
"""Published with each heartbeat on the node's own channel, to test the subscription."""

log = structlog.get_logger("membership")


class Membership:
    """Keeps this node on the register, and does the upkeep that depends on its heartbeats.

    - ``probe_seconds``: seconds without a probe after which the subscription is opened anew; 0
      turns that off;
    - ``grace``: seconds after a dead node's last heartbeat until its sessions are released.
    """

    def __init__(
        self,
        backplane: Backplane,
        relay: Relay,
        registry: SessionRegistry,
        bans: NodeBans,
        *,
        grace: float,
        probe_seconds: float,
    ) -> None:
        self._backplane = backplane
        self._relay = relay
        self._registry = registry
        self._bans = bans
        self._probe_seconds = probe_seconds
        self.reconciler = Reconciler(backplane, registry)
        self._collector = Collector(backplane, registry.sessions)
        self._failure_detector = FailureDetector(DEAD_AFTER, grace)
        self._answered_at = -NOT_READY_AFTER
        self._denied = ""
        self._told_reason: str | None = _NO_ANSWER  # so far
        self._probe_heard_at = -NOT_READY_AFTER
        self._silent_since = 0.0
        self._registered = False
        self._replication_id = ""
        self._reclaim_due = False
        self._sweep_at = math.inf
        self._beat_due = trio.Event()
        self._under_way: set[str] = set()
        self._on_registered_again: Callable[[], None] = lambda: None
        self._nursery: trio.Nursery | None = None

    # --- what the node asks -------------------------------------------------------------------

    def receive(self, payload: bytes) -> None:
        """Process what was published on this node's own channel."""
        if payload == _PROBE:
            self._probe_heard_at = trio.current_time()
        elif payload.startswith(TAKEN_MARK):
            self._registry.resumed_elsewhere(payload.removeprefix(TAKEN_MARK).decode())
            self._do_once("reclaim", self._reclaim)

    def check_sessions_soon(self) -> None:
        """Check soon that all sessions are still this node's: a notification may be missed."""
        self._do_once("check", self._check)

    def redis_moved(self) -> None:
        """Compare all logs with Redis, which restarted or moved and may have lost data."""
        log.warning("redis may have lost data")
        self._relay.recheck(unverified=True)

    def beat_soon(self) -> None:
        """Send a heartbeat at once: Redis lost data of a room, and maybe this node, too."""
        self._beat_due.set()

    def why_not_ready(self) -> str | None:
        """Return why the node cannot serve clients; None if it can."""
        now = trio.current_time()
        if unfit := self._backplane.why_unsuitable:
            return unfit
        if not self._backplane.connected or now - self._answered_at > NOT_READY_AFTER:
            if self._denied:
                return f"Redis refuses: {self._denied}"
            away = self._backplane.why_away
            return f"{_NO_ANSWER}: {away}" if away else _NO_ANSWER
        if self._probe_seconds and not self.subscription_delivers:
            return "the subscription to Redis does not deliver"
        return None

    @property
    def subscription_delivers(self) -> bool:
        """Whether a probe was received within `NOT_READY_AFTER`."""
        return trio.current_time() - self._probe_heard_at <= NOT_READY_AFTER

    @property
    def is_idle(self) -> bool:
        """Whether no upkeep is under way or due."""
        return not (self._reclaim_due or self._under_way)

    async def run(self, *, on_registered_again: Callable[[], None] = lambda: None) -> None:
        """Keep this node a member; runs for as long as the node does.

        ``on_registered_again`` is called when the node was not on the register any more: Redis has
        lost data or returned to older ones, or the other nodes declared this one dead.
        """
        self._on_registered_again = on_registered_again
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self._beat)
            self._nursery.start_soon(self._tidy)
            self._nursery.start_soon(self._listen_for_probes)

    async def deregister(self) -> None:
        """Leave the cluster; for the very end.

        Sessions that are parked here can be resumed elsewhere for the grace time; then the other
        nodes release them.

        :raises Unavailable: if Redis is away.
        """
        name = self._backplane.incarnation.name
        if self._registry.parked:
            await self._backplane.nodes.declare_dead(name)
        else:
            await self._release_node(name)

    # --- the upkeep ---------------------------------------------------------------------------

    async def _listen_for_probes(self) -> None:
        await self._backplane.subscribe(self._backplane.nodes.channel)

    async def _beat(self) -> None:
        while True:
            lasting = False
            try:
                registered, others = await self._backplane.nodes.beat(_PROBE)
                if not registered or self._backplane.replication_id != self._replication_id:
                    # Redis lost its data, or returned to older ones, or the other nodes declared
                    # this one dead.
                    await self._register()
                now, before = trio.current_time(), self._answered_at
                self._answered_at, self._denied = now, ""
                # Each of these may take long; heartbeats go on meanwhile.
                self._do_once("check some", self.reconciler.some_sessions)
                self._do_once("read bans", self._bans.refresh)
                self._do_once("read memory", self._read_memory)
                if self._reclaim_due or self._registry.unverified:
                    self._do_once("reclaim", self._reclaim)
                if now >= self._sweep_at:
                    self._do_once("sweep", self._sweep)
                if now - before > LATE_BEAT * BEAT_SECONDS:
                    # Redis kept all waiting, or this machine stood still, perhaps with others.
                    self._failure_detector.forget()
                dead, over = self._failure_detector.judge(others, now)
                for node in dead:
                    self._do_once(f"declare {node} dead", partial(self._declare_dead, node))
                for node in over:
                    self._do_once(f"release {node}", partial(self._release_node, node))
            except Unavailable as error:
                # While Redis is away all heartbeats stand still: that makes no node dead.
                self._failure_detector.forget()
                self._note_denied(str(error) if isinstance(error, Denied | Refused) else "")
                lasting = not error.passes
            self._check_subscription()
            self._note_readiness()
            settled = lasting or self._backplane.why_unsuitable or self.why_not_ready() is None
            with trio.move_on_after(BEAT_SECONDS if settled else BEAT_SECONDS / 10):
                await self._beat_due.wait()
            self._beat_due = trio.Event()

    def _note_denied(self, reason: str) -> None:
        """Record why Redis refuses the heartbeat, if it does; log it once."""
        if reason and not self._denied:
            log.warning("redis refuses", reason=reason)
        self._denied = reason

    def _note_readiness(self) -> None:
        """Log when the node turns ready, and each reason why it is not."""
        reason = self.why_not_ready()
        if reason == self._told_reason:
            return
        self._told_reason = reason
        if reason is None:
            log.info("ready")
        else:
            log.warning("not ready", reason=reason)

    async def _register(self) -> None:
        """Register the node, and have all sessions claimed under its name.

        If it was registered before, it gets a new name: what it holds under the old one, and does
        not claim again, will be released as a dead node's.
        """
        if self._registered:
            self._backplane.incarnation.renew()
            # Not at once: the other living nodes must register again before.
            self._sweep_at = trio.current_time() + DEAD_AFTER
            self._on_registered_again()
        self._replication_id, self._reclaim_due = self._backplane.replication_id, True
        self._registry.mark_unverified(*self._registry.sessions.values())
        await self._backplane.nodes.register()
        self._registered = True

    def _do_once(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        """Start some upkeep unless it is under way.

        If Redis is away, a later heartbeat starts it again. If Redis refuses it for good, it is
        tried again after growing pauses.
        """

        async def attempt() -> None:
            retry = Retry()
            try:
                while not await succeeds(retry):
                    pass
            finally:
                self._under_way.discard(name)

        async def succeeds(retry: Retry) -> bool:
            try:
                await work()
            except Unavailable as error:
                log.info("upkeep postponed", work=name, reason=str(error))
                if not error.passes:
                    await trio.sleep(retry.pause(error))
                    return False
            except Exception:
                log.exception("upkeep failed", work=name)
            return True

        if name not in self._under_way and self._nursery is not None:
            self._under_way.add(name)
            self._nursery.start_soon(attempt)

    def _check_subscription(self) -> None:
        """Open the subscription anew if no probes arrive, though Redis answers."""
        # While Redis refuses the heartbeat, no probe is published.
        if not (self._backplane.subscribed and self._backplane.connected) or self._denied:
            self._silent_since = trio.current_time()
            return
        silent = trio.current_time() - max(self._probe_heard_at, self._silent_since)
        if 0 < self._probe_seconds < silent:
            log.warning("subscription silent", seconds=self._probe_seconds)
            self._silent_since = trio.current_time()
            self._backplane.resubscribe()

    async def _read_memory(self) -> None:
        with suppress(Denied):  # this user may not ask, which was logged when it connected
            await self._backplane.memory.read()

    async def _reclaim(self) -> None:
        await reclaim(self._backplane, self._registry)
        if self._reclaim_due:
            self._reclaim_due = False  # it may be set again before this is done
            try:
                await self._list_rooms()
            except Unavailable:
                self._reclaim_due = True
                raise
            self._relay.recheck()

    async def _sweep(self) -> None:
        """Release what came back with older data of Redis, such as members who had left."""
        due, self._sweep_at = self._sweep_at, math.inf  # it may be set again before this is done
        try:
            await self.reconciler.nicks()
            await self.reconciler.rooms()
        except Unavailable:
            self._sweep_at = min(due, self._sweep_at)
            raise

    async def _check(self) -> None:
        await self.reconciler.sessions()
        await reclaim(self._backplane, self._registry)

    async def _declare_dead(self, node: str) -> None:
        """Declare a node dead, so that it claims anew if it is alive; any node may do it."""
        log.warning("node died", dead_node=node)
        await self._backplane.nodes.declare_dead(node)

    async def _release_node(self, node: str) -> None:
        """Release what a node held; any node may do it, any number of times."""
        # Rooms first: the next owner of a nickname must not be listed in them already.
        await self._backplane.rooms.release_node(node)
        ended = await self._backplane.nicks.release_node(node)
        await self._backplane.inboxes.forget(ended)
        await self._backplane.nodes.remove(node)

    async def _tidy(self) -> None:
        """Keep this node's rooms listed, and release what nothing else would, at intervals."""
        while True:
            await trio.sleep(TIDY_SECONDS)
            for tidy in (
                self._list_rooms,
                self._backplane.rooms.forget_expired,
                self._backplane.bans.forget_ended,
                self.reconciler.nicks,
                self.reconciler.rooms,
                self._collector.collect,
            ):
                try:
                    await tidy()
                except Unavailable as error:
                    log.debug("not tidied", reason=str(error))

    async def _list_rooms(self) -> None:
        if rooms := list(self._registry.rooms):
            await self._backplane.rooms.register(*rooms)
