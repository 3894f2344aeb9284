"""Bytes on their way to one client: in order, bounded, written straight to its transport."""

from __future__ import annotations

import contextlib
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Final

import structlog
import trio

from gateway.net.transport import Transport

_MOST_BUFFERS: Final = 64
"""Buffers passed to the transport in one call."""
_KEPT_SHARE: Final = 0.75
"""The part of the bound for all that may go on waiting once it was exceeded."""

log = structlog.get_logger("write_buffer")


class WaitingTotal:
    """The bytes that wait for all clients of a node together, and their bound.

    Beyond ``limit``, the readers for whom most waits are too slow, until a quarter of it is free. A
    frame that waits for many clients is one copy in memory, and is counted for each of them.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0
        self._buffers: set[WriteBuffer] = set()

    def count(self, buffer: WriteBuffer, more: int) -> None:
        """Count bytes that begin to wait in a write buffer or, below 0, that do so no more."""
        self.bytes += more
        if buffer.waiting:
            self._buffers.add(buffer)
        else:
            self._buffers.discard(buffer)

    def enforce(self) -> None:
        """Drop the longest queues if the bound is exceeded."""
        if self.bytes <= self.limit:
            return
        dropped = 0
        for buffer in sorted(self._buffers, key=lambda each: each.waiting, reverse=True):
            if self.bytes <= _KEPT_SHARE * self.limit:
                break
            if buffer.open:
                buffer.overflow()
                dropped += 1
        if dropped:
            log.warning("too much waits for slow readers", closed=dropped, limit=self.limit)


class WriteBuffer:
    """Writes to one client, and queues what its transport does not take at once.

    - `write` never waits. A writer task sends the queue, and ends when it is empty.
    - If more than ``limit`` bytes are queued behind the write that is under way, the reader is too
      slow: what is behind it is dropped, and ``on_overflow`` is called, once. After that only the
      closing frame is sent. So one write alone, however long, closes nobody.
    """

    __slots__ = (
        "_drained", "_on_overflow", "_queue", "_start_soon", "_total", "_transport", "_write_now",
        "broken", "limit", "moved", "open", "waiting",
    )  # fmt: skip

    def __init__(
        self,
        transport: Transport,
        *,
        limit: int,
        start_soon: Callable[[Callable[[], Awaitable[None]]], None],
        on_overflow: Callable[[], None],
        total: WaitingTotal | None = None,
    ) -> None:
        """Write to a transport; whoever closes it calls `abort` before.

        ``total`` counts what waits here, too.
        """
        self._transport = transport
        self._write_now: Callable[[bytes], int] | None = transport.write
        """The transport's `write`; None while something is queued, and once it is not `open`."""
        self._start_soon = start_soon
        self._on_overflow = on_overflow
        self._total = total or WaitingTotal(sys.maxsize)
        self._queue: deque[bytes | memoryview] = deque()
        self._drained: trio.Event | None = None
        self.limit = limit
        self.waiting = 0
        """Bytes that are queued."""
        self.moved = False
        """Whether queued bytes were sent since somebody last set this to False."""
        self.open = True
        """Whether frames are still accepted."""
        self.broken = False
        """Whether nothing can be sent any more: the client has gone, or `abort` was called."""

    def write(self, data: bytes) -> None:
        """Send whole frames after everything written before; dropped unless `open`."""
        write_now = self._write_now
        if write_now is not None:
            try:
                sent = write_now(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._mark_broken()
                return
            if sent == len(data):
                return
            rest = memoryview(data)[sent:] if sent else data  # a broadcast stays one copy
        else:
            rest = data
        if self.open:
            self._enqueue(rest)
            self._check_bound()

    def write_last(self, data: bytes) -> None:
        """Send the closing frame, also after an overflow; nothing is accepted after it."""
        if self._write_now is not None:
            self.write(data)
        elif not self.broken:
            self._enqueue(data)
        self._stop_accepting()

    def abort(self) -> None:
        """Drop the queue and accept nothing more: the transport is about to be closed."""
        self._mark_broken()
        # The callback holds this buffer: without the reference cycle both are freed at once.
        self._on_overflow = _ignore

    async def drained(self) -> None:
        """Wait until nothing is queued, or nothing can be sent any more."""
        if self._drained is not None:
            await self._drained.wait()

    def overflow(self) -> None:
        """Drop the queue, but for the rest of a frame already begun; the reader is too slow."""
        self._stop_accepting()
        if self._queue:
            begun = self._queue[0]
            self._queue = deque((begun,))
            self._count(len(begun) - self.waiting)
        self._on_overflow()

    def _check_bound(self) -> None:
        if self.open and self.waiting - len(self._queue[0]) > self.limit:
            self.overflow()

    def _enqueue(self, data: bytes | memoryview) -> None:
        self._write_now = None
        self._queue.append(data)
        self._count(len(data))
        if self._drained is None:
            self._drained = trio.Event()
            self._start_soon(self._write_queued)
        self._total.enforce()

    def _count(self, more: int) -> None:
        """Count bytes that wait from now on or, below 0, that do not wait any more."""
        self.waiting += more
        self._total.count(self, more)

    def _stop_accepting(self) -> None:
        self.open = False
        self._write_now = None

    def _mark_broken(self) -> None:
        self._stop_accepting()
        self.broken = True
        self._queue.clear()
        self._count(-self.waiting)
        if self._drained is not None:
            self._drained.set()

    async def _write_queued(self) -> None:
        """Send the queue, as fast as the client reads."""
        transport = self._transport
        try:
            while self.waiting:
                await transport.wait_writable()
                with contextlib.suppress(BlockingIOError):
                    self._remove(transport.write_many(list(islice(self._queue, _MOST_BUFFERS))))
        except (OSError, trio.ClosedResourceError):
            self._mark_broken()
        if self.open:
            self._write_now = transport.write
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.set()

    def _remove(self, size: int) -> None:
        """Remove the first ``size`` bytes from the queue: they were sent."""
        self._count(-size)
        self.moved = True
        queue = self._queue
        while size:
            first = queue.popleft()
            if size < len(first):
                queue.appendleft(memoryview(first)[size:])
                return
            size -= len(first)


def _ignore() -> None:
    """Do nothing about an overflow: there is no connection any more."""
