"""Bytes on their way to one client: in order, bounded, written straight to the socket."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Final

import trio

_MOST_BUFFERS: Final = 64


def _nobody() -> None:
    """Tell nobody of an overflow: there is no connection any more."""


class WriteBuffer:
    """What one client has yet to read.

    `write` is synchronous and never waits: it writes to the non-blocking socket, and what the
    kernel does not take is queued for a writer task that lives only as long as something is
    queued. A client that leaves more than ``limit`` bytes unread overflows: the queue is dropped
    (except the rest of a frame already begun), ``on_overflow`` is called once, and only the
    closing frame still goes out.
    """

    __slots__ = (
        "_drained", "_fd", "_on_overflow", "_open", "_queue", "_start_soon", "broken", "limit",
        "waiting",
    )  # fmt: skip

    def __init__(
        self,
        fd: int,
        *,
        limit: int,
        start_soon: Callable[[Callable[[], Awaitable[None]]], None],
        on_overflow: Callable[[], None],
    ) -> None:
        """Write to a connected, non-blocking socket; whoever closes it calls `abort` before."""
        self._fd = fd
        self.limit = limit
        self._start_soon = start_soon
        self._on_overflow = on_overflow
        self._queue: deque[bytes] = deque()
        self._drained: trio.Event | None = None
        self._open = True
        self.waiting = 0
        self.broken = False

    def write(self, data: bytes) -> None:
        """Send whole frames after everything written before; once closing, they are dropped."""
        if self._open:
            self._put(data)

    def write_last(self, data: bytes) -> None:
        """Send the closing frame; nothing is taken after it."""
        self._open = False
        self._put(data)

    def abort(self) -> None:
        """Take nothing any more: the socket is about to be closed."""
        self._open = False
        self._break()
        # The callback holds this buffer: without the reference cycle both are freed at once.
        self._on_overflow = _nobody

    @property
    def open(self) -> bool:
        """Whether frames are still taken: no closing frame was sent."""
        return self._open

    async def drained(self) -> None:
        """Wait until nothing is queued, or nothing can be sent any more."""
        if self._drained is not None:
            await self._drained.wait()

    def _put(self, data: bytes) -> None:
        if self.broken:
            return
        if not self.waiting:
            try:
                sent = os.write(self._fd, data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._break()
                return
            if sent == len(data):
                return
            data = data[sent:]
        self._queue.append(data)
        self.waiting += len(data)
        if self._drained is None:
            self._drained = trio.Event()
            self._start_soon(self._write_queued)
        if self.waiting > self.limit and self._open:
            self._overflow()

    def _overflow(self) -> None:
        self._open = False
        begun = self._queue[0]
        self._queue = deque((begun,))
        self.waiting = len(begun)
        self._on_overflow()

    def _break(self) -> None:
        self.broken = True
        self._queue.clear()
        self.waiting = 0
        if self._drained is not None:
            self._drained.set()

    async def _write_queued(self) -> None:
        """Write what is queued as the client takes it."""
        try:
            while self.waiting:
                await trio.lowlevel.wait_writable(self._fd)
                self._write_some()
        except (OSError, trio.ClosedResourceError):
            self._break()
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.set()

    def _write_some(self) -> None:
        buffers = list(islice(self._queue, _MOST_BUFFERS))
        with contextlib.suppress(BlockingIOError):
            self._written(os.writev(self._fd, buffers))

    def _written(self, size: int) -> None:
        self.waiting -= size
        queue = self._queue
        while size:
            first = queue.popleft()
            if size < len(first):
                queue.appendleft(first[size:])
                return
            size -= len(first)
