"""Bytes on their way to one client: in order, bounded, written straight to its transport."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Final

import trio

from gateway.net.transport import Transport

_MOST_BUFFERS: Final = 64
"""Buffers passed to the transport in one call."""


class WriteBuffer:
    """Writes to one client, and queues what its transport does not take at once.

    - `write` never waits. A writer task sends the queue, and ends when it is empty.
    - If more than ``limit`` bytes are queued behind the write that is under way, the reader is too
      slow: what is behind it is dropped, and ``on_overflow`` is called, once. After that only the
      closing frame is sent. So one write alone, however long, closes nobody.
    """

    __slots__ = (
        "_drained", "_on_overflow", "_queue", "_start_soon", "_transport", "_write_now", "broken",
        "limit", "moved", "open", "waiting",
    )  # fmt: skip

    def __init__(
        self,
        transport: Transport,
        *,
        limit: int,
        start_soon: Callable[[Callable[[], Awaitable[None]]], None],
        on_overflow: Callable[[], None],
    ) -> None:
        """Write to a transport; whoever closes it calls `abort` before."""
        self._transport = transport
        self._write_now: Callable[[bytes], int] | None = transport.write
        """The transport's `write`; None while something is queued, and once it is not `open`."""
        self._start_soon = start_soon
        self._on_overflow = on_overflow
        self._queue: deque[bytes] = deque()
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
            data = data[sent:]
        if self.open:
            self._enqueue(data)
            if self.waiting - len(self._queue[0]) > self.limit:
                self._overflow()

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

    def _enqueue(self, data: bytes) -> None:
        self._write_now = None
        self._queue.append(data)
        self.waiting += len(data)
        if self._drained is None:
            self._drained = trio.Event()
            self._start_soon(self._write_queued)

    def _stop_accepting(self) -> None:
        self.open = False
        self._write_now = None

    def _overflow(self) -> None:
        self._stop_accepting()
        begun = self._queue[0]
        self._queue = deque((begun,))
        self.waiting = len(begun)
        self._on_overflow()

    def _mark_broken(self) -> None:
        self._stop_accepting()
        self.broken = True
        self._queue.clear()
        self.waiting = 0
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
        self.waiting -= size
        self.moved = True
        queue = self._queue
        while size:
            first = queue.popleft()
            if size < len(first):
                queue.appendleft(first[size:])
                return
            size -= len(first)


def _ignore() -> None:
    """Do nothing about an overflow: there is no connection any more."""
