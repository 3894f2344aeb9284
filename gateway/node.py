"""The composition root: the parts of a node, its start, and its orderly end (draining)."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from ipaddress import ip_address
from typing import Final

import structlog
import trio

from gateway import config
from gateway.auth.jwt_identity import BadKeys
from gateway.backplane import Backplane, Unavailable, check_redis
from gateway.backplane.operator import open_operator_access
from gateway.backplane.operator_requests import REQUEST_PREFIX
from gateway.cluster.membership import Membership
from gateway.config import BadSetting, Settings
from gateway.credentials.hash_slots import HashSlots
from gateway.credentials.password_hasher import PasswordHasher
from gateway.delivery.relay import Relay
from gateway.delivery.room_directory import RoomDirectory
from gateway.net.binding import CannotListen, open_listeners
from gateway.net.certificates import ServedCertificate
from gateway.net.listener import ConnectionSlots, most_connections
from gateway.net.write_buffer import WaitingTotal
from gateway.observability import logs
from gateway.observability.bounded_log import BoundedLog
from gateway.observability.metrics import Gauges, Metrics
from gateway.operator.desk import OperatorDesk
from gateway.operator.port import OperatorPort
from gateway.operator.token import BadToken
from gateway.parts import (
    client_bounds,
    jwt_verifier,
    make_backplane,
    operator_token,
    served_certificate,
)
from gateway.policy.client_limits import ClientLimits, TurnedAway
from gateway.policy.rate_limits import SharedBucket
from gateway.process import signals
from gateway.process.memory import MemoryUpkeep
from gateway.redis_topology import topology_from_settings
from gateway.server.connections import ClientConnections, Port
from gateway.sessions.accounts import NodeAccounts
from gateway.sessions.bans import NodeBans
from gateway.sessions.context import NodeContext
from gateway.sessions.registry import SessionRegistry

FULL_SECONDS: Final = 1.0
"""Seconds after which a client refused by a full node may try again."""
CLIENTS_SHARE: Final = 0.8
"""The part of the drain time after which all clients have gone; the rest is for Redis."""

log = structlog.get_logger("node")


class Node:
    """One node: `run` it once; `stop` it from anywhere in the same thread."""

    def __init__(self, settings: Settings, *, backplane: Backplane | None = None) -> None:
        """Make a node; tests may pass a backplane with a topology, or stores, of their own.

        :raises BadSetting: if its certificate, or its operator's token, cannot be used.
        """
        self._settings = settings
        self._certificate = served_certificate(settings)
        self._operator_token = operator_token(settings)
        self._jwt = jwt_verifier(settings)
        self._backplane = backplane or make_backplane(settings)
        self.name = self._backplane.incarnation.node
        self._metrics = Metrics()
        self._relay = Relay(
            self._backplane, self._metrics.counts, outbox_bytes=settings.outbox_bytes
        )
        grace = settings.grace_seconds
        self._registry = SessionRegistry(self._backplane, self._relay, grace=grace)
        counts = self._metrics.counts
        self._bans = NodeBans(self._backplane.bans, self._registry, counts)
        self._accounts = NodeAccounts(self._backplane, self._relay, self._registry)
        self._hash_slots = HashSlots()
        self._passwords = PasswordHasher(self._hash_slots)
        self._desk = OperatorDesk(self._backplane, self._registry, self._bans, counts)
        self.membership = Membership(
            self._backplane,
            self._relay,
            self._registry,
            self._bans,
            grace=grace,
            probe_seconds=settings.probe_seconds,
        )
        self._arrivals = SharedBucket(rate=settings.connect_rate, now=trio.current_time())
        self.context = NodeContext(
            settings=settings,
            node=self.name,
            backplane=self._backplane,
            relay=self._relay,
            registry=self._registry,
            bans=self._bans,
            accounts=self._accounts,
            passwords=self._passwords,
            jwt=self._jwt,
            waiting=WaitingTotal(settings.outbox_total_bytes),
            rooms=RoomDirectory(self._backplane.rooms),
            admit=self._admit,
            metrics=self._metrics,
            bounded_log=BoundedLog("connection"),
            limits=ClientLimits(client_bounds(settings)),
            why_not_ready=self._why_not_ready,
        )
        """The parts that connections and sessions work with."""
        self._metrics.read_gauges = self._gauges
        self._slots = ConnectionSlots(most_connections())
        self._memory = MemoryUpkeep()
        self._connections = ClientConnections(
            self.context, self._slots, on_end=self._memory.connection_ended
        )
        self._stopping = trio.Event()

    def stop(self) -> None:
        """Ask the node to drain and end."""
        self._stopping.set()

    def reload(self, settings: Settings) -> None:
        """Take on settings that were read again, as far as a running node can.

        New sessions and connections get new limits; those that are open keep theirs.
        """
        self.context.settings, taken, left = config.reloaded(self.context.settings, settings)
        log.info("settings read again", changed=" ".join(map(config.flag, taken)))
        if left:
            log.warning("settings need a restart", settings=" ".join(map(config.flag, left)))
        self.context.limits.configure(client_bounds(self.context.settings))
        if "connect_rate" in taken:
            self._arrivals.configure(rate=settings.connect_rate)
        rooms = self._backplane.rooms
        rooms.retention = rooms.retention.with_registered(self.context.settings.registered_rooms)
        self.context.waiting.limit = self.context.settings.outbox_total_bytes
        if "log_level" in taken:
            logs.set_level(settings.log_level)
        if self._certificate is not None:
            self._certificate.reload()
        if self._jwt is not None:
            try:
                self._jwt.reload()
            except BadKeys as error:
                log.warning("the keys of JSON Web Tokens stay as they were", reason=str(error))
        if self._operator_token is not None:
            try:
                self._operator_token.reload()
            except BadToken as error:
                log.warning("the operator's token stays as it was", reason=str(error))

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    async def run(self, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until `stop`; reports the port once connections are accepted.

        :raises BadSetting: if it cannot listen on its host and port.
        """
        self._note_doors()
        operator_listeners = await self._listen_for_operator()
        ports = [await self._listen(self._settings.port, self._certificate)]
        if self._settings.plain_port:
            ports.append(await self._listen(self._settings.plain_port, None))
        port: int = ports[0].listeners[0].getsockname()[1]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                partial(
                    self._backplane.run,
                    on_burst=self._relay.on_burst,
                    on_restored=self._restored,
                    on_moved=self._redis_moved,
                )
            )
            nursery.start_soon(
                partial(
                    self._relay.run,
                    on_own=self._receive_own,
                    on_loss=self.membership.beat_soon,
                    on_account_event=self._accounts.receive,
                )
            )
            nursery.start_soon(
                partial(
                    self.membership.run,
                    on_registered_again=partial(self._accounts.recheck, history_changed=True),
                )
            )
            nursery.start_soon(self._registry.run)
            nursery.start_soon(self._accounts.run)
            nursery.start_soon(self._desk.run)
            if operator_listeners:
                nursery.start_soon(self._operator_port().serve, operator_listeners)
            nursery.start_soon(self._slots.report)
            nursery.start_soon(self._memory.run)
            nursery.start_soon(self.context.bounded_log.run)
            nursery.start_soon(self.context.turns.run)
            nursery.start_soon(self._connections.keep_alive, self._settings.ping_interval)
            if self._certificate is not None:
                nursery.start_soon(self._certificate.watch)
            with trio.CancelScope() as draining:
                async with trio.open_nursery() as connections:
                    connections.start_soon(self._connections.accept, ports, connections)
                    task_status.started(port)
                    await self._stopping.wait()
                    began = trio.current_time()
                    draining.deadline = began + CLIENTS_SHARE * self.context.settings.drain_seconds
                    await self._connections.move_on(self.context.settings.drain_seconds)
                    await self._connections.close_latecomers()
            with trio.move_on_at(began + self.context.settings.drain_seconds):
                await self._leave_cluster()
            log.info("stopped", node=self.name, in_time=not draining.cancelled_caught)
            nursery.cancel_scope.cancel()
        self._passwords.close()

    def _note_doors(self) -> None:
        """Log what may surprise an operator in how people come in."""
        settings = self._settings
        if not settings.guests and settings.registration == "open":
            log.info(
                "anybody may register",
                reason="guests are off, but whoever makes an account comes in; "
                "--registration invite or closed changes that",
            )
        if problem := self._hash_slots.problem():
            log.info("passwords are hashed two at once by each process", reason=problem)

    async def _listen_for_operator(self) -> list[socket.socket]:
        """Listen on the operator's port, if it has one."""
        host, port = self._settings.admin_host, self._settings.admin_port
        if not port:
            return []
        listeners = await _open(host, port, settings="admin_")
        log.info("listening for the operator", node=self.name, host=host, port=port)
        own = (ip_address(listener.getsockname()[0]) for listener in listeners)
        if self._operator_token and not all(address.is_loopback for address in own):
            log.warning("the operator's token comes unencrypted from other machines", host=host)
        return listeners

    def _operator_port(self) -> OperatorPort:
        settings = self._settings
        open_access = partial(
            open_operator_access,
            topology_from_settings(settings),
            name=f"{self.name}-operator",
            namespace=settings.namespace,
            patience=settings.redis_timeout,
        )
        return OperatorPort(self.context, self._operator_token, open_access)

    def _receive_own(self, payload: bytes) -> None:
        """Process what was published on this node's own channel for no session."""
        if payload.startswith(REQUEST_PREFIX):
            self._desk.receive(payload)
        else:
            self.membership.receive(payload)

    async def _listen(self, port: int, certificate: ServedCertificate | None) -> Port:
        host, tls = self._settings.host, certificate is not None
        listeners = await _open(host, port)
        bound = listeners[0].getsockname()[1]
        log.info("listening", node=self.name, host=host, port=bound, tls=tls)
        return Port(listeners, certificate)

    def _admit(self, address: str | None) -> TurnedAway | None:
        """Admit one more client and return None, or return why it is turned away."""
        if self._stopping.is_set():
            return TurnedAway("draining", self.context.settings.drain_seconds)
        if self._slots.full:
            return TurnedAway("full", FULL_SECONDS)
        wait = self._arrivals.take(address, trio.current_time())
        return TurnedAway("connect_rate", wait) if wait else None

    def _restored(self) -> None:
        """Catch up with what was published while the subscription was lost."""
        self._relay.recheck()
        self.membership.check_sessions_soon()
        self._accounts.recheck()

    def _redis_moved(self) -> None:
        """Compare with Redis, which restarted or moved and may have lost data."""
        self.membership.redis_moved()
        self._accounts.recheck(history_changed=True)

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
        return Gauges(
            connections=len(self._connections.open),
            sessions=self._registry.connected,
            parked=self._registry.parked,
            rooms=len(self._relay.rooms),
            bans=len(self._bans),
            tasks=trio.lowlevel.current_statistics().tasks_living,
            outbox_bytes=self.context.waiting.bytes,
            redis_memory_bytes=self._backplane.memory.used,
            redis_memory_limit_bytes=self._backplane.memory.maximum,
            redis_shortage=self._backplane.memory.shortage,
            redis_connected=self._backplane.connected,
            subscription_delivers=self.membership.subscription_delivers,
            why_not_ready=self._why_not_ready(),
            certificate_ends=self._certificate.ends.timestamp() if self._certificate else 0.0,
        )


async def _open(host: str, port: int, *, settings: str = "") -> list[socket.socket]:
    """Listen on the host and port of two settings, whose names begin with ``settings``.

    :raises BadSetting: naming the one that is to be changed.
    """
    try:
        return await open_listeners(host, port)
    except CannotListen as error:
        raise BadSetting(f"{config.title(settings + error.setting)}: {error}") from error


async def serve_until_signalled(
    settings: Settings, read_again: Callable[[], Settings], warnings: Sequence[str] = ()
) -> None:
    """Run a node until a signal ends it: the first drains it, a second ends it at once.

    ``read_again`` returns the settings as they are now; it is called on SIGHUP. ``warnings`` are
    logged once Redis is checked, so that a start that it ends is told in one line.

    :raises Unsuitable: if Redis answers and cannot be used.
    :raises BadSetting: if the node cannot listen on its host and port.
    """
    node = Node(settings)
    with signals.receive(*signals.ENDING, *signals.HANG_UP, *signals.HARMLESS) as received:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_on_signals, received, node, read_again, nursery.cancel_scope)
            await check_redis(
                topology_from_settings(settings),
                namespace=settings.namespace,
                refuse_eviction=settings.redis_eviction == "refuse",
            )
            for warning in warnings:
                log.warning(warning)
            await node.run()
            nursery.cancel_scope.cancel()


async def _on_signals(
    received: AsyncIterator[int],
    node: Node,
    read_again: Callable[[], Settings],
    running: trio.CancelScope,
) -> None:
    async for number in received:
        effect = "reload" if number in signals.HANG_UP else signals.HARMLESS.get(number)
        ending = "end at once" if node.stopping else "drain"
        log.info("signal", signal=signals.name_of(number), effect=effect or ending)
        if number in signals.HANG_UP:
            _reload(node, read_again)
        elif not effect:
            if node.stopping:
                running.cancel()
            node.stop()


def _reload(node: Node, read_again: Callable[[], Settings]) -> None:
    try:
        node.reload(read_again())
    except BadSetting as error:
        log.warning("settings not reloaded", reason=str(error))
