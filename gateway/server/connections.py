"""All client connections of a node: accepted, served, kept alive, and moved on when it drains."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog
import trio

from gateway.net.certificates import ServedCertificate
from gateway.net.client_address import ClientAddress
from gateway.net.listener import ConnectionSlots, accept_forever
from gateway.net.tls import TlsTransport
from gateway.net.transport import SocketTransport, Transport
from gateway.server.connection import Connection
from gateway.sessions.context import NodeContext
from gateway.wire import Notice
from gateway.wire.close_codes import DRAINING

KEEP_ALIVE_SLICE: Final = 100
"""Connections checked, and pinged if need be, at once."""
MOVE_SECONDS: Final = 0.25
"""Seconds between two batches of clients that a draining node asks to move on."""
LEAST_MOVED: Final = 25
"""Clients in such a batch, at least."""
MOVING_SHARE: Final = 0.5
"""The part of the drain time after which all clients have been asked to move on."""

log = structlog.get_logger("connection")


@dataclass(frozen=True)
class Port:
    """The listening sockets of one port; with a certificate, its clients must speak TLS."""

    listeners: list[socket.socket]
    certificate: ServedCertificate | None


class ClientConnections:
    """The open connections of one node."""

    def __init__(
        self, context: NodeContext, slots: ConnectionSlots, *, on_end: Callable[[], None]
    ) -> None:
        """Have no connections yet; ``on_end`` is called whenever one has ended."""
        self._context = context
        self._slots = slots
        self._on_end = on_end
        self._open: set[Connection] = set()
        self._accepting = trio.CancelScope()
        self._one_closed = trio.Event()

    @property
    def open(self) -> Collection[Connection]:
        """Those that are open now."""
        return self._open

    async def accept(self, ports: Iterable[Port], nursery: trio.Nursery) -> None:
        """Accept connections, and serve each in the nursery, until `close_latecomers`.

        Closes the listeners in the end.
        """
        with self._accepting:
            async with trio.open_nursery() as accepting:
                for port in ports:
                    serve = partial(self._serve, nursery, port.certificate)
                    accepting.start_soon(
                        accept_forever, port.listeners, nursery, serve, self._slots
                    )

    async def keep_alive(self, interval: float) -> None:
        """Ping silent clients; each connection is checked twice in an interval, in seconds.

        A few are checked at a time, so that their pongs do not arrive all at once. Never returns.
        """
        while True:
            everybody = list(self._open)
            slices = max(1, math.ceil(len(everybody) / KEEP_ALIVE_SLICE))
            for number in range(slices):
                await trio.sleep(interval / 2 / slices)
                now = trio.current_time()
                for connection in everybody[number::slices]:
                    connection.keep_alive(now, interval)

    async def move_on(self, drain_seconds: float) -> None:
        """Ask the clients to move on, in batches, and wait until their connections have ended.

        Their sessions are parked, and resumed on other nodes. New connections are still accepted
        meanwhile, for health checks.
        """
        everybody = list(self._open)
        log.info("draining", node=self._context.node, connections=len(everybody))
        notice = Notice(code="draining", message="This node is going away.")
        rounds = MOVING_SHARE * drain_seconds / MOVE_SECONDS
        batch = max(LEAST_MOVED, math.ceil(len(everybody) / max(1.0, rounds)))
        for start in range(0, len(everybody), batch):
            if start:
                await trio.sleep(MOVE_SECONDS)
            for connection in everybody[start : start + batch]:
                connection.send(notice)
                connection.close(DRAINING)
        await self._wait_until_closed(everybody)

    async def close_latecomers(self) -> None:
        """Stop accepting connections, and close those that were accepted meanwhile."""
        self._accepting.cancel()
        latecomers = list(self._open)
        for connection in latecomers:
            connection.close(DRAINING)
        await self._wait_until_closed(latecomers)

    async def _serve(
        self,
        nursery: trio.Nursery,
        certificate: ServedCertificate | None,
        connected: socket.socket,
        peer: ClientAddress,
    ) -> None:
        """Serve one connection; its errors do not affect the others."""
        transport: Transport = SocketTransport(connected)
        if certificate is not None:
            from_proxy = peer.is_in(self._context.settings.trusted_proxies)
            transport = TlsTransport(connected, certificate.context, from_proxy=from_proxy)
        connection = Connection(
            self._context,
            transport,
            peer,
            nursery.start_soon,
            must_encrypt=certificate is not None,
        )
        self._open.add(connection)
        if self._accepting.cancel_called:
            connection.close(DRAINING)
        try:
            await connection.serve()
        except Exception:
            log.exception("connection failed")
        finally:
            self._open.discard(connection)
            self._slots.release()
            self._one_closed.set()
            self._on_end()

    async def _wait_until_closed(self, connections: list[Connection]) -> None:
        """Wait until all of these connections have ended."""
        for connection in connections:
            while connection in self._open:
                self._one_closed = trio.Event()
                await self._one_closed.wait()
