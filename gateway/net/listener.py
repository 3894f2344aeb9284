"""Accepts connections on the listening sockets, and starts a task for each."""

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

from gateway.net.client_address import ClientAddress, peer_address

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

ACCEPT_BATCH: Final = 16
"""Connections accepted in a row before other tasks run."""
RETRY_SECONDS: Final = 0.1
"""The pause before another attempt to accept, where the system has no files left."""
RESERVED_FILES: Final = 64
"""Files for the node's own use; half of all files, if it may open fewer than 128."""
RESERVED_SLOTS: Final = 16
"""Slots that no WebSocket client gets, so that a full node still answers over HTTP."""
CALM_SECONDS: Final = 10.0
"""Seconds without a waiting connection after which the shortage is logged as over."""

_OUT_OF_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

log = structlog.get_logger("listener")

Serve = Callable[[socket.socket, ClientAddress], Awaitable[None]]
"""Serves a connected, non-blocking socket, given its peer.

In the end it closes the socket and calls `ConnectionSlots.release`."""


class ConnectionSlots:
    """Bounds the connections of a node: each acquires a slot, and releases it at its end.

    The last `RESERVED_SLOTS` are not for WebSocket clients.
    """

    def __init__(self, most: int) -> None:
        self._free = trio.Semaphore(most)
        self._reserved = min(RESERVED_SLOTS, most // 4)
        self._waiting = self._waits = 0
        self._reason = ""
        self._changed = trio.Event()

    @property
    def full(self) -> bool:
        """Whether no more WebSocket clients can be admitted."""
        return self._free.value < self._reserved

    def acquire(self) -> bool:
        """Acquire a slot; return whether there was one."""
        try:
            self._free.acquire_nowait()
        except trio.WouldBlock:
            return False
        return True

    def release(self) -> None:
        """Release a slot that was acquired."""
        self._free.release()

    async def wait_for_one(self) -> None:
        """Wait until a slot is free; call it while a connection waits to be accepted."""
        if not self._free.value:
            with self._waiting_for("all slots are taken"):
                await self._free.acquire()
            self._free.release()

    async def wait_for_files(self, reason: str) -> None:
        """Wait for `RETRY_SECONDS`: the system has no files left, though there are slots."""
        with self._waiting_for(reason):
            await trio.sleep(RETRY_SECONDS)

    async def report(self) -> None:
        """Log when connections begin to wait, and when that is over; never returns."""
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
    def _waiting_for(self, reason: str) -> Iterator[None]:
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
    """Raise the soft limit of open files to the hard one: each connection is a file."""
    if resource is not None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError) as error:  # macOS says "unlimited", and refuses that
            log.info("the limit of open files stays", files=soft, reason=str(error))


def most_connections() -> int:
    """Return how many connections this process may have, by the limit of open files.

    Some files are reserved for its own use, above all its connections to Redis.
    """
    files = sys.maxsize
    if resource is not None:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return files - min(RESERVED_FILES, files // 2)


async def accept_forever(
    listeners: Iterable[socket.socket],
    connections: trio.Nursery,
    serve: Serve,
    slots: ConnectionSlots,
) -> None:
    """Accept connections, and serve each in a task of the nursery; runs until it is cancelled.

    Each acquires one of the slots, which ``serve`` releases. Closes the listeners in the end.
    """
    async with trio.open_nursery() as nursery:
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
        if not slots.acquire():
            return
        try:
            connected, address = listener.accept()
        except OSError as error:
            slots.release()
            if isinstance(error, BlockingIOError):
                return
            if error.errno in _OUT_OF_FILES:
                await slots.wait_for_files(error.strerror or str(error))
                return
            log.debug("connection gone before it was accepted", reason=error.strerror)
            continue
        connected.settimeout(0)
        connections.start_soon(serve, connected, peer_address(address))
