"""The bytes of one connection, whatever carries them: a socket, TLS on top of one, or memory."""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Sequence
from typing import Protocol

import trio


class Transport(Protocol):
    """A connected, non-blocking byte stream.

    - One task at a time waits to read, and one to write. `close` ends both waits with
      `trio.ClosedResourceError`.
    - Bytes that `write` took count as sent. What it did not take is written next, in the same
      buffer or a longer one, or nothing is: a transport may have encrypted it.
    """

    encrypted: bool
    """Whether what is sent and received is encrypted."""

    def write(self, data: bytes, /) -> int:
        """Send what can be sent now; return how many bytes were taken, at least one.

        :raises BlockingIOError: if none can be; `wait_writable` then waits until some can.
        :raises OSError: if nothing can be sent any more.
        """

    def write_many(self, buffers: Sequence[bytes | memoryview], /) -> int:
        """Send what can be sent now of several buffers, in order, as `write` does."""

    def wait_writable(self) -> Awaitable[None]:
        """Wait until `write` takes something, or fails."""

    def read(self, most: int, /) -> bytes:
        """Return received bytes, at most ``most``; empty at the end of the stream.

        :raises BlockingIOError: if none have come; `wait_readable` then waits for some.
        :raises OSError: if the connection was lost.
        """

    def wait_readable(self) -> Awaitable[None]:
        """Wait until `read` returns something, or fails."""

    async def send_eof(self) -> None:
        """Send the end of the stream, after all that was taken; reading goes on.

        :raises OSError: if the connection was lost.
        """

    def close(self) -> None:
        """Close the connection at once, with what was not sent or read; safe to do twice."""


class SocketTransport:
    """A plain socket.

    `write` is called for every member of a room in every round: `os.write` costs less than the
    methods of a socket. The waits are Trio's own coroutines, since each idle client keeps one.
    """

    __slots__ = ("_fd", "_socket")

    encrypted = False

    def __init__(self, connected: socket.socket) -> None:
        """Take over a connected, non-blocking socket."""
        self._socket = connected
        self._fd = connected.fileno()

    def write(self, data: bytes, /) -> int:
        """Send what the kernel takes now."""
        return os.write(self._fd, data)

    def write_many(self, buffers: Sequence[bytes | memoryview], /) -> int:
        """Send what the kernel takes now of several buffers."""
        return os.writev(self._fd, buffers)

    def wait_writable(self) -> Awaitable[None]:
        """Wait until the kernel takes something."""
        return trio.lowlevel.wait_writable(self._socket)  # noqa: ASYNC105 - by the caller

    def read(self, most: int, /) -> bytes:
        """Return what the kernel has."""
        return self._socket.recv(most)

    def wait_readable(self) -> Awaitable[None]:
        """Wait until the kernel has something."""
        return trio.lowlevel.wait_readable(self._socket)  # noqa: ASYNC105 - by the caller

    async def send_eof(self) -> None:
        """Shut the sending half down."""
        self._socket.shutdown(socket.SHUT_WR)
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Close the socket, and end the waits for it."""
        if self._fd >= 0:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()
            self._fd = -1  # the number may be another file's by now
