"""The node's open port: accepts connections, and starts a task for each."""

from __future__ import annotations

import contextlib
import errno
import math
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Final

import structlog
import trio

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

BACKLOG: Final = 4096
"""Connections that the kernel keeps until they are accepted (as many as it allows)."""
ACCEPT_BATCH: Final = 16
"""Connections accepted at one go; then everybody else has a turn."""
RETRY_SECONDS: Final = 0.1
KEPT_FILES: Final = 64
"""Files that are left for the node's own use; half of them, where it may open fewer than 128."""
KEPT_PLACES: Final = 16
"""ConnectionSlots that no client gets, for requests to a node that is full."""
CALM_SECONDS: Final = 10.0
"""How long no connection has had to wait when that is said to be over."""

_OUT_OF_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

log = structlog.get_logger("listener")

Serve = Callable[[socket.socket, str], Awaitable[None]]
"""Serves a connected, non-blocking socket, whose peer is told as ``host:port``, and closes it.

It gives back the connection's place then."""


class CannotListen(Exception):
    """The address is taken, or not ours; the text is one line for the operator."""


async def open_listeners(host: str, port: int) -> list[socket.socket]:
    """Listen at every address that a host name stands for; port 0 takes any free one.

    :raises CannotListen: if the address cannot be had.
    """
    try:
        opened = await trio.open_tcp_listeners(port, host=host, backlog=BACKLOG)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CannotListen(f"cannot listen on {host}:{port}: {reason}") from error
    listeners = [socket.socket(fileno=each.socket.detach()) for each in opened]
    for listener in listeners:
        listener.settimeout(0)
        # Those that are accepted inherit it: that saves a system call for each.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listeners


class ConnectionSlots:
    """ConnectionSlots for connections: each takes one, and gives it back when it is over.

    The last few are no slots for clients: through them a full node goes on telling how it is.
    """

    def __init__(self, most: int) -> None:
        self._free = trio.Semaphore(most)
        self._kept = min(KEPT_PLACES, most // 4)
        self._waiting = self._waits = 0
        self._reason = ""
        self._changed = trio.Event()

    @property
    def full(self) -> bool:
        """Whether no more clients can be taken in."""
        return self._free.value < self._kept

    def take(self) -> bool:
        """Take a place, if there is one."""
        try:
            self._free.acquire_nowait()
        except trio.WouldBlock:
            return False
        return True

    def give_back(self) -> None:
        """Have one that was taken free again."""
        self._free.release()

    async def wait_for_one(self) -> None:
        """Wait until there is a place to take at once; for when a connection needs one."""
        if not self._free.value:
            with self._somebody_waits("all slots are taken"):
                await self._free.acquire()
            self._free.release()

    async def wait_for_files(self, reason: str) -> None:
        """Wait a little where the system has no files left, though there are slots."""
        with self._somebody_waits(reason):
            await trio.sleep(RETRY_SECONDS)

    async def report(self) -> None:
        """Log when connections begin to wait, and when for a while none had to; never returns."""
        while True:
            await self._changed.wait()
            began = trio.current_time()
            log.warning("connections have to wait", reason=self._reason)
            calm = False
            while not calm:
                self._changed = trio.Event()
                with trio.move_on_after(math.inf if self._waiting else CALM_SECONDS) as patience:
                    await self._changed.wait()
                calm = patience.cancelled_caught
            seconds = round(trio.current_time() - began - CALM_SECONDS, 1)
            log.info("connections need not wait any more", seconds=seconds, waits=self._waits)
            self._waits = 0

    @contextlib.contextmanager
    def _somebody_waits(self, reason: str) -> Iterator[None]:
        self._reason = reason
        self._waiting += 1
        self._waits += 1
        self._changed.set()
        try:
            yield
        finally:
            self._waiting -= 1
            self._changed.set()


def allow_many_connections() -> None:
    """Let this process open as many files as it may: each connection is one."""
    if resource is not None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError) as error:  # macOS says "unlimited", and does not take it
            log.info("the limit of open files stays", files=soft, reason=str(error))


def most_connections() -> int:
    """Give how many connections the files suffice for that this process may open.

    Some are kept for all else that it opens, its connections to Redis first of all.
    """
    files = sys.maxsize
    if resource is not None:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return files - min(KEPT_FILES, files // 2)


async def accept_forever(
    listeners: Iterable[socket.socket],
    connections: trio.Nursery,
    serve: Serve,
    slots: ConnectionSlots,
) -> None:
    """Accept connections and serve each in a task of the nursery; ends by being cancelled.

    Each takes one of the slots, which ``serve`` gives back. Closes the listeners at its end.
    """
    async with trio.open_nursery() as nursery:
        nursery.start_soon(slots.report)
        for listener in listeners:
            nursery.start_soon(_accept_from, listener, connections, serve, slots)


async def _accept_from(
    listener: socket.socket, connections: trio.Nursery, serve: Serve, slots: ConnectionSlots
) -> None:
    with listener:
        while True:
            try:
                await trio.lowlevel.wait_readable(listener)
            except OSError as error:  # no more files may be watched
                await slots.wait_for_files(error.strerror or str(error))
                continue
            await slots.wait_for_one()
            await _accept_some(listener, connections, serve, slots)


async def _accept_some(
    listener: socket.socket, connections: trio.Nursery, serve: Serve, slots: ConnectionSlots
) -> None:
    for _ in range(ACCEPT_BATCH):
        if not slots.take():
            return
        try:
            connected, address = listener.accept()
        except OSError as error:
            slots.give_back()
            if isinstance(error, BlockingIOError):
                return
            if error.errno in _OUT_OF_FILES:
                await slots.wait_for_files(error.strerror or str(error))
                return
            log.debug("connection gone before it was accepted", reason=error.strerror)
            continue
        connected.settimeout(0)
        connections.start_soon(serve, connected, f"{address[0]}:{address[1]}")
