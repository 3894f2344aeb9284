"""A connection in memory: a `Transport` for whatever is tested, and a Trio stream for its peer."""

from __future__ import annotations

import errno
from collections.abc import Sequence

import trio


class _Pipe:
    """Bytes on their way in one direction; ``capacity`` is how many may be on it."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._data = bytearray()
        self._ended = self._abandoned = False
        self._changed = trio.Event()

    def put(self, data: bytes) -> int:
        if self._ended or self._abandoned:
            raise BrokenPipeError(errno.EPIPE, "nobody will read it")
        taken = min(len(data), self.capacity - len(self._data))
        if not taken and data:
            raise BlockingIOError
        self._data += data[:taken]
        self._change()
        return taken

    def get(self, most: int) -> bytes:
        if not self._data and not self._ended:
            raise BlockingIOError
        data = bytes(self._data[:most])
        del self._data[:most]
        self._change()
        return data

    def end(self) -> None:
        """Have the reader find the end behind what is on the way."""
        self._ended = True
        self._change()

    def abandon(self) -> None:
        """Have the writer fail: the reader has gone."""
        self._abandoned = True
        self._change()

    async def has_data(self) -> None:
        await trio.lowlevel.checkpoint()
        while not (self._data or self._ended or self._abandoned):
            await self._changed.wait()

    async def has_room(self) -> None:
        await trio.lowlevel.checkpoint()
        while len(self._data) >= self.capacity and not (self._ended or self._abandoned):
            await self._changed.wait()

    def _change(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


class MemoryTransport:
    """One end of a connection in memory."""

    encrypted = False

    def __init__(self, inbound: _Pipe, outbound: _Pipe) -> None:
        self._inbound = inbound
        self._outbound = outbound
        self.closed = False

    def write(self, data: bytes, /) -> int:
        return self._outbound.put(data)

    def write_many(self, buffers: Sequence[bytes | memoryview], /) -> int:
        return self._outbound.put(b"".join(buffers))

    async def wait_writable(self) -> None:
        await self._outbound.has_room()
        self._require_open()

    def read(self, most: int, /) -> bytes:
        return self._inbound.get(most)

    async def wait_readable(self) -> None:
        await self._inbound.has_data()
        self._require_open()

    async def send_eof(self) -> None:
        self._outbound.end()
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        self.closed = True
        self._outbound.end()
        self._inbound.abandon()

    def _require_open(self) -> None:
        if self.closed:
            raise trio.ClosedResourceError


class MemoryStream(trio.abc.HalfCloseableStream):
    """The other end, as clients use it."""

    def __init__(self, transport: MemoryTransport) -> None:
        self._transport = transport

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self.wait_send_all_might_not_block()
        rest = bytes(data)
        while rest:
            try:
                rest = rest[self._transport.write(rest) :]
            except BlockingIOError:
                await self._transport.wait_writable()
            except OSError as error:
                raise trio.BrokenResourceError from error

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()
        if self._transport.closed:
            raise trio.ClosedResourceError

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await self._transport.wait_readable()
        return self._transport.read(max_bytes or 65_536)

    async def send_eof(self) -> None:
        await self._transport.send_eof()

    async def aclose(self) -> None:
        self._transport.close()
        await trio.lowlevel.checkpoint()


def memory_connection(capacity: int = 65_536) -> tuple[MemoryTransport, MemoryStream]:
    """Return both ends of a connection that holds so many bytes in each direction."""
    there, back = _Pipe(capacity), _Pipe(capacity)
    return MemoryTransport(there, back), MemoryStream(MemoryTransport(back, there))
