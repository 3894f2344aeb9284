"""Connections to Redis: open one, check the server, and reconnect whenever it is lost."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final

import hiredis
import structlog
import trio

from gateway.backplane.redis.errors import Unsuitable, first_message, translate
from gateway.backplane.redis.server import RedisEndpoint, Topology
from gateway.backplane.redis.server_check import QUESTIONS, ServerReport, check_greeting
from gateway.backplane.redis.server_health import ServerHealth

CONNECT_SECONDS: Final = 3.0
"""Seconds that connecting may take, and again the greeting after it."""
FIRST_BACKOFF: Final = 0.05
"""Seconds before a lost connection is opened again, about."""
LONGEST_BACKOFF: Final = 2.0
"""Seconds between two attempts after many failures, at most."""
RECEIVE_BYTES: Final = 64 * 1024

_INCOMPLETE: Final = object()
_DISCARD_UNSENT: Final = struct.pack("ii", 1, 0)
"""The linger option with which closing a socket discards what was not sent."""
_BROKEN: Final = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)

log = structlog.get_logger("redis")

Argument = bytes | str | float
"""A part of a command; numbers are sent as decimal text."""


class RedisConnectionLost(Exception):
    """The connection cannot be used any more; the text says why."""


def pack(command: tuple[Argument, ...]) -> bytes:
    """Return a command in RESP."""
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type] # its stub says 1-tuple
    return packed


class RedisConnection:
    """One open RESP connection. Error replies are returned, as exceptions.

    A plain socket is read and written directly: Trio's stream would cost a system call more for
    each read.
    """

    def __init__(self, stream: trio.abc.Stream, server: RedisEndpoint) -> None:
        self._stream = stream
        self.server = server
        self._fd = stream.socket.fileno() if isinstance(stream, trio.SocketStream) else None
        self.report = ServerReport()
        """What the greeting revealed about the server."""
        self._reader = hiredis.Reader(replyError=translate, notEnoughData=_INCOMPLETE)

    async def send(self, data: bytes) -> None:
        """Send packed commands; :raises RedisConnectionLost: if they cannot be."""
        try:
            if self._fd is not None:
                await trio.lowlevel.checkpoint_if_cancelled()
                with contextlib.suppress(BlockingIOError):
                    data = data[os.write(self._fd, data) :]
            if data:
                await self._stream.send_all(data)
        except _BROKEN as error:
            raise RedisConnectionLost(str(error.__cause__ or error)) from error

    async def receive(self) -> Iterator[Any]:
        """Wait for bytes, and return the replies that are complete with them, if any.

        :raises RedisConnectionLost: if the connection is lost, or does not speak RESP.
        """
        try:
            data = await self._receive()
        except _BROKEN as error:
            raise RedisConnectionLost(str(error.__cause__ or error)) from error
        if not data:
            raise RedisConnectionLost("Redis closed the connection")
        self._reader.feed(data)
        return self._replies()

    async def _receive(self) -> bytes:
        if self._fd is None:
            return bytes(await self._stream.receive_some(RECEIVE_BYTES))
        while True:
            await trio.lowlevel.wait_readable(self._fd)
            with contextlib.suppress(BlockingIOError):
                return os.read(self._fd, RECEIVE_BYTES)

    def _replies(self) -> Iterator[Any]:
        gets = self._reader.gets
        try:
            while (reply := gets()) is not _INCOMPLETE:
                yield reply
        except hiredis.ProtocolError as error:
            raise RedisConnectionLost(f"not Redis's protocol: {error}") from error

    async def exchange(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        """Send commands and return their replies, while nothing else uses the connection.

        There are fewer replies if the server answers with an error and closes the connection.
        """
        await self.send(b"".join(map(pack, commands)))
        replies: list[Any] = []
        while len(replies) < len(commands):
            try:
                replies.extend(await self.receive())
            except RedisConnectionLost:
                if not replies or not isinstance(replies[-1], Exception):
                    raise
                break
        return replies


@contextlib.contextmanager
def answers_in_time() -> Iterator[None]:
    """Wait in this context for what is asked on a new connection, for `CONNECT_SECONDS` at most.

    :raises RedisConnectionLost: if that takes longer.
    """
    try:
        with trio.fail_after(CONNECT_SECONDS):
            yield
    except trio.TooSlowError:
        raise RedisConnectionLost("connected, but no answer") from None


class Pipeline:
    """Outgoing commands: those queued during one write are sent together in the next."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._wake = trio.Event()

    def put(self, command: tuple[Argument, ...]) -> None:
        """Queue a command; :raises TypeError: if it cannot be encoded, and nothing is queued."""
        self._waiting.append(pack(command))
        self._wake.set()

    def clear(self) -> int:
        """Drop what is queued for a connection that is lost; return the number of commands."""
        dropped = len(self._waiting)
        self._waiting.clear()
        return dropped

    async def run(self, connection: RedisConnection) -> None:
        """Send what is queued; ends by raising `RedisConnectionLost`."""
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            data = b"".join(self._waiting)
            self._waiting.clear()
            await connection.send(data)


class Reconnector:
    """Keeps a connection open: whenever it is lost, opens another one.

    Pauses between attempts are random, up to `LONGEST_BACKOFF`, so that the nodes of a cluster do
    not reconnect at the same moment. After an unsuitable server they are at least half of that.
    """

    def __init__(self, topology: Topology, name: str, health: ServerHealth) -> None:
        self.topology = topology
        self._name = name
        self._health = health
        self._scope = trio.CancelScope()

    async def run(
        self,
        commands: list[tuple[Any, ...]],
        serve: Callable[[RedisConnection], Awaitable[None]],
    ) -> None:
        """Open and greet connections, and run ``serve`` on each; never returns.

        - ``commands`` are sent first, and may be refused;
        - ``serve`` calls `ServerHealth.mark_usable` once the connection is in use, and ends by
          raising `RedisConnectionLost` or `Unsuitable`.
        """
        attempts = 0
        while True:
            with trio.CancelScope() as self._scope:
                started = trio.current_time()
                away = await serve_one_connection(
                    self.topology, self._name, commands, serve, self._health
                )
                if not away:
                    await trio.sleep(random.uniform(LONGEST_BACKOFF / 2, LONGEST_BACKOFF))  # noqa: S311
                    continue
                if trio.current_time() - started > LONGEST_BACKOFF:
                    attempts = 0
                attempts += 1
                self._log(away, attempts)
                await _pause(attempts)
            if self._scope.cancelled_caught:
                attempts = 0
                await _pause(1)

    def reconnect(self) -> None:
        """Close the connection, or stop opening it, and open another one soon."""
        self._scope.cancel()

    def _log(self, reason: str, attempts: int) -> None:
        if attempts == 1 or attempts % 10 == 0:
            log.warning(
                "redis away",
                connection=self._name,
                server=self.topology.place,
                reason=reason,
                attempts=attempts,
            )


async def _pause(attempts: int) -> None:
    ceiling = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** min(attempts, 10))
    await trio.sleep(random.uniform(FIRST_BACKOFF / 2, ceiling))  # noqa: S311


async def serve_one_connection(
    topology: Topology,
    name: str,
    commands: list[tuple[Any, ...]],
    serve: Callable[[RedisConnection], Awaitable[None]],
    health: ServerHealth,
) -> str:
    """Connect, greet and serve until that fails; return why, or "" if the server is unsuitable."""
    away = ""
    try:
        async with _opened(
            topology, name, commands, refuse_eviction=health.refuse_eviction
        ) as connection:
            health.warn(connection.report.warnings)
            await serve(connection)
    except* RedisConnectionLost as group:
        away = first_message(group)
        health.mark_away(name, away)
    except* Unsuitable as group:
        away = ""
        health.mark_unsuitable(name, first_message(group))
    except* Exception as group:
        # An unexpected answer of Redis must not end the node.
        log.exception("connection to redis failed", connection=name, server=topology.place)
        away = first_message(group) or "it failed"
        health.mark_away(name, away)
    return away


async def check_server(
    topology: Topology,
    name: str,
    commands: list[tuple[Any, ...]],
    check: Callable[[RedisConnection], Awaitable[None]],
    *,
    refuse_eviction: bool,
) -> None:
    """Check once whether the server can be used, for `CONNECT_SECONDS` at most.

    Returns also if it does not answer, or is unavailable just now. ``check`` makes further checks
    on the connection.

    :raises Unsuitable: if the server cannot be used until somebody changes something.
    """
    try:
        with trio.move_on_after(CONNECT_SECONDS):
            async with _opened(
                topology, name, commands, refuse_eviction=refuse_eviction
            ) as connection:
                await check(connection)
    except RedisConnectionLost as lost:
        log.debug("redis away", server=topology.place, reason=str(lost))


@contextlib.asynccontextmanager
async def _opened(
    topology: Topology, name: str, commands: list[tuple[Any, ...]], *, refuse_eviction: bool
) -> AsyncIterator[RedisConnection]:
    """Open and greet a connection, and close it in the end.

    :raises RedisConnectionLost: if no server can be used now.
    :raises Unsuitable: if the server cannot be used until somebody changes something.
    """
    try:
        with trio.fail_after(CONNECT_SECONDS):
            server = await topology.find()
            stream = await server.connect()
    except (OSError, UnicodeError, trio.TooSlowError) as error:
        raise RedisConnectionLost(str(error) or "no answer") from error
    except Unsuitable:
        raise
    except Exception as error:
        log.exception("connecting to redis failed", connection=name, server=topology.place)
        raise RedisConnectionLost(repr(error)) from error
    try:
        connection = RedisConnection(stream, server)
        greeting = [*server.greeting(name), *QUESTIONS, *commands]
        await _greet(connection, greeting, refuse_eviction=refuse_eviction)
        yield connection
    finally:
        await _abandon(stream)


async def _abandon(stream: trio.abc.Stream) -> None:
    """Close a connection, and discard what the kernel has not sent yet.

    Else, once a network failure is over, the kernel would send commands that had failed for their
    callers, after later ones on another connection.
    """
    transport = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
    if isinstance(transport, trio.SocketStream):
        with contextlib.suppress(OSError):  # macOS refuses where the other end has reset it
            transport.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DISCARD_UNSENT)
    await trio.aclose_forcefully(stream)


async def _greet(
    connection: RedisConnection, commands: list[tuple[Any, ...]], *, refuse_eviction: bool
) -> None:
    """Send a new connection's first commands, and check by the replies that it can be used."""
    with answers_in_time():
        replies = await connection.exchange(commands)
    server = connection.server
    connection.report = found = check_greeting(
        server, commands, replies, refuse_eviction=refuse_eviction
    )
    if found.unsuitable:
        raise Unsuitable(found.unsuitable)
    if found.unavailable or len(replies) < len(commands):
        raise RedisConnectionLost(found.unavailable or str(replies[-1]))
