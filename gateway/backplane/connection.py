"""A connection to Redis that is kept: opened, greeted, and opened again whenever it is lost."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import hiredis
import structlog
import trio

from gateway.backplane.errors import Unavailable, translate
from gateway.backplane.server import Topology

CONNECT_SECONDS: Final = 3.0
FIRST_BACKOFF: Final = 0.05
LONGEST_BACKOFF: Final = 2.0
RECEIVE_BYTES: Final = 64 * 1024

_INCOMPLETE: Final = object()
_NOT_AT_ALL: Final = struct.pack("ii", 1, 0)
"""For how long a socket that is closed goes on sending."""
_BROKEN: Final = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)

log = structlog.get_logger("redis")

ASK_LINEAGE: Final = ("INFO", "replication")
"""In a greeting: its answer is for `read_lineage`."""

Argument = bytes | str | float
"""What a command is made of; numbers go as their decimal text."""


class ConnectionLost(Exception):
    """The connection is of no use any more; the text says why."""


def read_lineage(info: object) -> str:
    """Read the id of the data's history; empty if Redis does not tell it."""
    if isinstance(info, bytes):
        for line in info.split(b"\r\n"):
            if line.startswith(b"master_replid:"):
                return line.partition(b":")[2].decode("ascii", "replace").strip()
    return ""


def pack(command: tuple[Argument, ...]) -> bytes:
    """Encode a command as it goes over the connection."""
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type] # its stub says 1-tuple
    return packed


class Connection:
    """One open RESP connection: bytes out, replies in. An error reply is an exception, returned.

    On a plain socket it reads and writes by itself: the stream that Trio wraps around one costs
    a system call more for each read.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._fd = stream.socket.fileno() if isinstance(stream, trio.SocketStream) else None
        self.greeted: list[Any] = []
        """The replies to the commands that the connection began with."""
        self._reader = hiredis.Reader(replyError=translate, notEnoughData=_INCOMPLETE)

    async def send(self, data: bytes) -> None:
        """Send packed commands; :raises ConnectionLost: if they cannot be."""
        try:
            if self._fd is not None:
                await trio.lowlevel.checkpoint_if_cancelled()
                with contextlib.suppress(BlockingIOError):
                    data = data[os.write(self._fd, data) :]
            if data:
                await self._stream.send_all(data)
        except _BROKEN as error:
            raise ConnectionLost(str(error.__cause__ or error)) from error

    async def receive(self) -> Iterator[Any]:
        """Wait for bytes and give the replies that are complete with them, maybe none."""
        try:
            data = await self._receive()
        except _BROKEN as error:
            raise ConnectionLost(str(error.__cause__ or error)) from error
        if not data:
            raise ConnectionLost("Redis closed the connection")
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
            raise ConnectionLost(f"not Redis's protocol: {error}") from error

    async def exchange(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        """Send commands and wait for all their replies; for use before anything else does."""
        await self.send(b"".join(map(pack, commands)))
        replies: list[Any] = []
        while len(replies) < len(commands):
            replies.extend(await self.receive())
        return replies


class Pipeline:
    """Commands on their way out: all that gather while one write is under way go in the next."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._wake = trio.Event()

    def put(self, command: tuple[Argument, ...]) -> None:
        """Have a command sent; :raises TypeError: if it cannot be packed, and is not."""
        self._waiting.append(pack(command))
        self._wake.set()

    def clear(self) -> None:
        """Forget what was not sent: it was meant for a connection that is lost."""
        self._waiting.clear()

    async def run(self, connection: Connection) -> None:
        """Send what is put; ends by raising :exc:`ConnectionLost`."""
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            data = b"".join(self._waiting)
            self._waiting.clear()
            await connection.send(data)


async def keep_connected(
    topology: Topology,
    name: str,
    greeting: list[tuple[Any, ...]],
    serve: Callable[[Connection], Awaitable[None]],
) -> None:
    """Run ``serve`` on a greeted connection, again and again; never returns.

    ``serve`` ends by raising :exc:`ConnectionLost`. Between attempts it waits with full jitter,
    at most two seconds, so that the nodes of a cluster do not come back to Redis in step.
    """
    attempts = 0
    while True:
        started = trio.current_time()
        reason = await _one_connection(topology, name, greeting, serve)
        if trio.current_time() - started > LONGEST_BACKOFF:
            attempts = 0
        attempts += 1
        if attempts == 1 or attempts % 10 == 0:
            log.warning(
                "redis away",
                connection=name,
                server=topology.place,
                reason=reason,
                attempts=attempts,
            )
        ceiling = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** min(attempts, 10))
        await trio.sleep(random.uniform(FIRST_BACKOFF / 2, ceiling))  # noqa: S311


async def _one_connection(
    topology: Topology,
    name: str,
    greeting: list[tuple[Any, ...]],
    serve: Callable[[Connection], Awaitable[None]],
) -> str:
    """Connect, greet and serve until that fails; give the reason."""
    try:
        with trio.fail_after(CONNECT_SECONDS):
            server = await topology.find()
            stream = await server.connect()
    except (OSError, UnicodeError, trio.TooSlowError) as error:
        return str(error) or "no answer"
    except Exception as error:
        log.exception("connecting to redis failed", connection=name, server=topology.place)
        return repr(error)
    reason = ""
    try:
        connection = Connection(stream)
        replies = await _greet(connection, [*server.greeting(name), *greeting])
        connection.greeted = replies[len(replies) - len(greeting) :]
        log.info("redis connected", connection=name, server=server.place)
        await serve(connection)
    except* ConnectionLost as group:
        reason = _first_message(group)
    except* Exception as group:
        # Something was said that nobody here understands: that is no reason to end the node.
        log.exception("connection to redis failed", connection=name, server=server.place)
        reason = _first_message(group)
    finally:
        await _abandon(stream)
    return reason


async def _abandon(stream: trio.abc.Stream) -> None:
    """Close a connection, and have nothing of it sent any more.

    Where the network was cut, the kernel would go on with what it has; commands would take effect
    when their callers had long been told that they had failed, and after those that came later.
    """
    transport = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
    if isinstance(transport, trio.SocketStream):
        with contextlib.suppress(OSError):  # macOS refuses where the other end has reset it
            transport.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NOT_AT_ALL)
    await trio.aclose_forcefully(stream)


def _first_message(group: BaseExceptionGroup[Exception]) -> str:
    leaf: BaseException = group
    while isinstance(leaf, BaseExceptionGroup):
        leaf = leaf.exceptions[0]
    return str(leaf)


async def _greet(connection: Connection, commands: list[tuple[Any, ...]]) -> list[Any]:
    """Say a new connection's first commands and give the replies.

    A server that is only starting counts as lost, and so does a replica in a primary's place.
    """
    try:
        with trio.fail_after(CONNECT_SECONDS):
            replies = await connection.exchange(commands)
    except trio.TooSlowError:
        raise ConnectionLost("connected, but no answer") from None
    for reply in replies:
        if isinstance(reply, Unavailable):
            raise ConnectionLost(str(reply)) from reply
        if isinstance(reply, list) and reply[0] in {b"slave", b"sentinel"}:
            raise ConnectionLost("it is not the primary, or not any more")
    return replies
