"""TLS on a node's own port: the transport, over OpenSSL on a non-blocking socket."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Awaitable, Sequence
from typing import Final

import trio

from gateway.net.proxy_protocol import BadProxyHeader, ProxyHeader, read_proxy_header

RECORD_BYTES: Final = 16 * 1024
"""The most plaintext in one TLS record (RFC 8446 5.1)."""
_HANDSHAKE: Final = b"\x16"
"""The content type with which every TLS connection begins (RFC 8446 5.1)."""


class TlsFailed(OSError):
    """TLS cannot begin or go on; the text says why, for the operator."""


class TlsTransport:
    """A socket whose client speaks TLS; a client that does not is heard as it is.

    - The first byte tells: until TLS has begun, and with a client that speaks without it,
      `encrypted` is false, and reads and writes are the plain socket's.
    - The handshake is part of reading: `read` raises `BlockingIOError` until it is complete.
    - What the kernel does not take waits as plaintext with its writer, and is encrypted again: of a
      broadcast there is one copy, whoever reads it slowly.
    """

    __slots__ = ("_context", "_proxy_header", "_read_wants_write", "_socket", "encrypted")

    def __init__(
        self, connected: socket.socket, context: ssl.SSLContext, *, from_proxy: bool = False
    ) -> None:
        """Take over a connected, non-blocking socket on which nothing was read.

        ``from_proxy``: it is a proxy's, which may send a PROXY header before TLS begins. That is
        read as it is, and without a byte of what follows.
        """
        self._socket = connected
        self._context: ssl.SSLContext | None = context
        """The context of the handshake; None once the first byte of the client has come."""
        self._proxy_header: bytes | None = b"" if from_proxy else None
        """What has come of a PROXY header; None if none is expected any more."""
        self._read_wants_write = False
        self.encrypted = False
        """Whether what is sent and received is encrypted."""

    def write(self, data: bytes, /) -> int:
        """Encrypt and send what the kernel takes now: whole records."""
        try:
            if len(data) <= RECORD_BYTES:
                return self._socket.send(data)
        except ssl.SSLWantWriteError:
            raise BlockingIOError from None
        return self.write_many((data,))

    def write_many(self, buffers: Sequence[bytes | memoryview], /) -> int:
        """Encrypt and send what the kernel takes now of several buffers, each in its records."""
        taken = 0
        try:
            for buffer in buffers:
                view = memoryview(buffer)
                for begin in range(0, len(view), RECORD_BYTES):
                    record = view[begin : begin + RECORD_BYTES]
                    sent = self._socket.send(record)
                    taken += sent
                    if sent < len(record):  # by a plain socket
                        return taken
        except (ssl.SSLWantWriteError, BlockingIOError):
            if not taken:
                raise BlockingIOError from None
        return taken

    def wait_writable(self) -> Awaitable[None]:
        """Wait until the kernel takes something."""
        return trio.lowlevel.wait_writable(self._socket)  # noqa: ASYNC105 - by the caller

    def read(self, most: int, /) -> bytes:
        """Return what has come, decrypted."""
        if self._proxy_header is not None and (header := self._read_proxy_header(most)):
            return header
        if self._context is not None:
            self._begin(self._context)
        self._read_wants_write = False
        try:
            data = self._socket.recv(most)
        except ssl.SSLWantReadError:
            raise BlockingIOError from None
        except ssl.SSLWantWriteError:  # of the handshake: the client does not read its replies
            self._read_wants_write = True
            raise BlockingIOError from None
        except ssl.SSLError as error:
            raise TlsFailed((error.reason or str(error)).replace("_", " ").lower()) from None
        if not data and isinstance(self._socket, ssl.SSLSocket) and self._socket.version() is None:
            raise TlsFailed("the client closed during the handshake: does it trust us?")
        return data

    def wait_readable(self) -> Awaitable[None]:
        """Wait until the kernel has something, unless OpenSSL still has."""
        connected = self._socket
        if self._read_wants_write:
            return trio.lowlevel.wait_writable(connected)  # noqa: ASYNC105 - by the caller
        if isinstance(connected, ssl.SSLSocket) and connected.fileno() >= 0 and connected.pending():
            return trio.lowlevel.checkpoint()  # noqa: ASYNC105 - by the caller
        return trio.lowlevel.wait_readable(connected)  # noqa: ASYNC105 - by the caller

    async def send_eof(self) -> None:
        """Send TLS's end of data, then shut the sending half down."""
        await trio.lowlevel.checkpoint()
        if isinstance(self._socket, ssl.SSLSocket):
            # It is sent; what is wanted is the client's own.
            with contextlib.suppress(ssl.SSLWantReadError):
                self._socket.unwrap()
        # An SSLSocket's own `shutdown` would stop decrypting, too.
        socket.socket.shutdown(self._socket, socket.SHUT_WR)

    def close(self) -> None:
        """Close the socket, and end the waits for it."""
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()

    def _read_proxy_header(self, most: int) -> bytes:
        """Read what has come of a PROXY header, if there is one, and nothing after it."""
        begun = self._proxy_header or b""
        data = begun + self._socket.recv(most, socket.MSG_PEEK)
        try:
            header = read_proxy_header(data)
        except BadProxyHeader:
            header = ProxyHeader(None, len(data))  # its reader refuses it
        size = len(data) if header is None else header.size
        self._proxy_header = data if header is None else None
        return self._socket.recv(size - len(begun)) if size > len(begun) else b""

    def _begin(self, context: ssl.SSLContext) -> None:
        """Look at the first byte without reading it, and begin TLS if it is TLS's."""
        first = self._socket.recv(1, socket.MSG_PEEK)
        self._context = None
        if first == _HANDSHAKE:
            self._socket = context.wrap_socket(
                self._socket, server_side=True, do_handshake_on_connect=False
            )
            self.encrypted = True
