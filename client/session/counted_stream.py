"""A stream that counts what comes in."""

from __future__ import annotations

import trio


class CountedStream(trio.abc.Stream):
    """Another stream, with the number of bytes that were ``received`` from it."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.received = 0

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Receive some bytes; empty at the end of the stream."""
        data = await self._stream.receive_some(max_bytes)
        self.received += len(data)
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes."""
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until `send_all` may not block."""
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()
