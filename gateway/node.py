"""The composition root: the parts of a node, its start, and its orderly end (draining)."""

from __future__ import annotations

import math
import secrets
import socket
from collections.abc import AsyncIterator
from functools import partial
from typing import Final

import structlog
import trio

from gateway import config
from gateway.backplane import Backplane, Topology, Unavailable, check_redis, topology_from_url
from gateway.cluster.membership import Membership
from gateway.config import BadSetting, Settings
from gateway.delivery.relay import Relay
from gateway.net.binding import CannotListen, open_listeners
from gateway.net.client_address import ClientAddress
from gateway.net.listener import ConnectionSlots, accept_forever, most_connections
from gateway.net.transport import SocketTransport
from gateway.observability.metrics import Gauges, Metrics
from gateway.policy.rate_limits import TokenBucket
from gateway.process import signals
from gateway.server.connection import Connection
from gateway.sessions.context import NodeContext
from gateway.sessions.registry import SessionRegistry
from gateway.wire import Notice
from gateway.wire.close_codes import DRAINING

FULL_SECONDS: Final = 1.0
"""Seconds after which a client refused by a full node may try again."""
KEEP_ALIVE_SLICE: Final = 100
"""Connections checked, and pinged if need be, at once."""
MOVE_SECONDS: Final = 0.25
"""Seconds between two batches of clients that a draining node asks to move on."""
LEAST_MOVED: Final = 25
"""Clients in such a batch, at least."""
MOVING_SHARE: Final = 0.5
"""The part of the drain time after which all clients have been asked to move on."""
CLIENTS_SHARE: Final = 0.8
"""The part of the drain time after which all clients have gone; the rest is for Redis."""

log = structlog.get_logger("node")


def make_backplane(settings: Settings, topology: Topology | None = None) -> Backplane:
    """Return the backplane of a new node, which gets a name of its own.

    ``topology`` takes the place of the one in the settings.
    """
    return Backplane(
        topology or topology_from_url(settings.redis),
        node=f"{settings.node_name}-{secrets.token_hex(3)}",
        namespace=settings.namespace,
        timeout=settings.redis_timeout,
        history_size=settings.history_size,
        history_days=settings.history_days,
        refuse_eviction=settings.redis_eviction == "refuse",
    )


class Node:
    """One node: `run` it once; `stop` it from anywhere in the same thread."""

    def __init__(self, settings: Settings, *, backplane: Backplane | None = None) -> None:
        """Make a node; tests may pass a backplane with a topology, or stores, of their own."""
        self._settings = settings
        self._backplane = backplane or make_backplane(settings)
        self.name = self._backplane.incarnation.node
        self._metrics = Metrics()
        self._relay = Relay(
            self._backplane, self._metrics.counts, outbox_bytes=settings.outbox_bytes
        )
        grace = settings.grace_seconds
        self._registry = SessionRegistry(self._backplane, self._relay, grace=grace)
        self.membership = Membership(
            self._backplane,
            self._relay,
            self._registry,
            grace=grace,
            probe_seconds=settings.probe_seconds,
        )
        self._arrivals = TokenBucket(
            burst=max(1, round(settings.connect_rate)),
            rate=settings.connect_rate,
            now=trio.current_time(),
        )
        self.context = NodeContext(
            settings=settings,
            node=self.name,
            backplane=self._backplane,
            relay=self._relay,
            registry=self._registry,
            admit=self._admit,
            metrics=self._metrics,
            why_not_ready=self._why_not_ready,
        )
        """The parts that connections and sessions work with."""
        self._metrics.read_gauges = self._gauges
        self._slots = ConnectionSlots(most_connections())
        self._connections: set[Connection] = set()
        self._accepting = trio.CancelScope()
        self._stopping = trio.Event()
        self._one_closed = trio.Event()

    def stop(self) -> None:
        """Ask the node to drain and end."""
        self._stopping.set()

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    async def run(self, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until `stop`; reports the port once connections are accepted.

        :raises BadSetting: if it cannot listen on its host and port.
        """
        try:
            listeners = await open_listeners(self._settings.host, self._settings.port)
        except CannotListen as error:
            raise BadSetting(f"{config.title(error.setting)}: {error}") from error
        port: int = listeners[0].getsockname()[1]
        log.info("listening", node=self.name, host=self._settings.host, port=port)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                partial(
                    self._backplane.run,
                    on_burst=self._relay.on_burst,
                    on_restored=self._restored,
                    on_moved=self.membership.redis_moved,
                )
            )
            nursery.start_soon(
                partial(
                    self._relay.run,
                    on_own=self.membership.receive,
                    on_loss=self.membership.beat_soon,
                )
            )
            nursery.start_soon(self.membership.run)
            nursery.start_soon(self._registry.run)
            nursery.start_soon(self._keep_alive)
            with trio.CancelScope() as draining:
                async with trio.open_nursery() as connections:
                    connections.start_soon(self._accept, listeners, connections)
                    task_status.started(port)
                    await self._stopping.wait()
                    began = trio.current_time()
                    draining.deadline = began + CLIENTS_SHARE * self._settings.drain_seconds
                    await self._move_clients_on()
                    await self._close_latecomers()
            with trio.move_on_at(began + self._settings.drain_seconds):
                await self._leave_cluster()
            log.info("stopped", node=self.name, in_time=not draining.cancelled_caught)
            nursery.cancel_scope.cancel()

    async def _accept(self, listeners: list[socket.socket], connections: trio.Nursery) -> None:
        with self._accepting:
            serve = partial(self._serve, connections)
            await accept_forever(listeners, connections, serve, self._slots)

    async def _serve(
        self, connections: trio.Nursery, connected: socket.socket, peer: ClientAddress
    ) -> None:
        """Serve one connection; its errors do not affect the others."""
        transport = SocketTransport(connected)
        connection = Connection(self.context, transport, peer, connections.start_soon)
        self._connections.add(connection)
        if self._accepting.cancel_called:
            connection.close(DRAINING)
        try:
            await connection.serve()
        except Exception:
            log.exception("connection failed")
        finally:
            self._connections.discard(connection)
            self._slots.release()
            self._one_closed.set()

    async def _keep_alive(self) -> None:
        """Ping silent clients; each connection is checked twice in a ping interval.

        A few are checked at a time, so that their pongs do not arrive all at once.
        """
        interval = self._settings.ping_interval
        while True:
            everybody = list(self._connections)
            slices = max(1, math.ceil(len(everybody) / KEEP_ALIVE_SLICE))
            for number in range(slices):
                await trio.sleep(interval / 2 / slices)
                now = trio.current_time()
                for connection in everybody[number::slices]:
                    connection.keep_alive(now, interval)

    async def _move_clients_on(self) -> None:
        """Ask the clients to move on, in batches, and wait until their connections have ended.

        Their sessions are parked, and resumed on other nodes. New connections are still accepted
        meanwhile, for health checks.
        """
        everybody = list(self._connections)
        log.info("draining", node=self.name, connections=len(everybody))
        notice = Notice(code="draining", message="This node is going away.")
        rounds = MOVING_SHARE * self._settings.drain_seconds / MOVE_SECONDS
        batch = max(LEAST_MOVED, math.ceil(len(everybody) / max(1.0, rounds)))
        for start in range(0, len(everybody), batch):
            if start:
                await trio.sleep(MOVE_SECONDS)
            for connection in everybody[start : start + batch]:
                connection.send(notice)
                connection.close(DRAINING)
        await self._wait_until_closed(everybody)

    async def _close_latecomers(self) -> None:
        """Stop accepting connections, and close those that were accepted meanwhile."""
        self._accepting.cancel()
        latecomers = list(self._connections)
        for connection in latecomers:
            connection.close(DRAINING)
        await self._wait_until_closed(latecomers)

    async def _wait_until_closed(self, connections: list[Connection]) -> None:
        """Wait until all of these connections have ended."""
        for connection in connections:
            while connection in self._connections:
                self._one_closed = trio.Event()
                await self._one_closed.wait()

    def _admit(self) -> float | None:
        """Admit one more client: return None, or the seconds after which it may try again."""
        if self._stopping.is_set():
            return self._settings.drain_seconds
        if self._slots.full:
            return FULL_SECONDS
        return self._arrivals.take(trio.current_time()) or None

    def _restored(self) -> None:
        """Catch up with what was published while the subscription was lost."""
        self._relay.recheck()
        self.membership.check_sessions_soon()

    async def _leave_cluster(self) -> None:
        await self._registry.all_released()
        try:
            await self.membership.deregister()
        except Unavailable:
            log.warning("redis is away; the other nodes will clean up after this one")

    def _why_not_ready(self) -> str | None:
        if self._stopping.is_set():
            return "the node is draining"
        return self.membership.why_not_ready()

    def _gauges(self) -> Gauges:
        outboxes = [c.write_buffer for c in self._connections]
        return Gauges(
            connections=len(self._connections),
            sessions=self._registry.connected,
            parked=self._registry.parked,
            rooms=len(self._relay.rooms),
            tasks=trio.lowlevel.current_statistics().tasks_living,
            outbox_bytes=sum(write_buffer.waiting for write_buffer in outboxes),
            redis_connected=self._backplane.connected,
            subscription_delivers=self.membership.subscription_delivers,
            ready=self._why_not_ready() is None,
        )


async def serve_until_signalled(settings: Settings) -> None:
    """Run a node until a signal ends it: the first drains it, a second ends it at once.

    :raises Unsuitable: if Redis answers and cannot be used.
    :raises BadSetting: if the node cannot listen on its host and port.
    """
    node = Node(settings)
    with signals.receive(*signals.ENDING, *signals.HARMLESS) as received:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_on_signals, received, node, nursery.cancel_scope)
            await check_redis(
                topology_from_url(settings.redis),
                namespace=settings.namespace,
                refuse_eviction=settings.redis_eviction == "refuse",
            )
            await node.run()
            nursery.cancel_scope.cancel()


async def _on_signals(received: AsyncIterator[int], node: Node, running: trio.CancelScope) -> None:
    async for number in received:
        harmless = signals.HARMLESS.get(number)
        ending = "end at once" if node.stopping else "drain"
        log.info("signal", signal=signals.name_of(number), effect=harmless or ending)
        if harmless:
            continue
        if node.stopping:
            running.cancel()
        node.stop()
