"""A `TlsTransport` over a pair of sockets, and its client."""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import trio
import trustme
from trio.testing import wait_all_tasks_blocked

from gateway.net.tls import TlsTransport
from gateway.net.transport import Transport


@contextmanager
def socket_pair(buffer: int = 4096) -> Iterator[tuple[socket.socket, trio.SocketStream]]:
    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        each.setblocking(False)
        each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
    with theirs:
        yield ours, trio.SocketStream(trio.socket.from_stdlib_socket(theirs))


@functools.cache
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The contexts of a server, and of a client that trusts it."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


class TlsClient(trio.abc.HalfCloseableStream):
    """A client's end of TLS, whose sending half can be closed as that of a socket."""

    def __init__(self, stream: trio.SSLStream[trio.SocketStream]) -> None:
        self._stream = stream

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return bytes(await self._stream.receive_some(max_bytes))

    async def send_eof(self) -> None:
        # `unwrap` would wait for the server's end, too.
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._stream.unwrap)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()

    async def aclose(self) -> None:
        await trio.aclose_forcefully(self._stream)


async def read_some(transport: Transport) -> bytes:
    while True:
        await transport.wait_readable()
        with contextlib.suppress(BlockingIOError):
            return transport.read(4096)


@asynccontextmanager
async def over_tls() -> AsyncIterator[tuple[TlsTransport, TlsClient]]:
    server, client = contexts()
    with socket_pair(65_536) as (ours, theirs):
        transport = TlsTransport(ours, server)
        stream = trio.SSLStream(theirs, client, server_hostname="localhost", https_compatible=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stream.send_all, b"!")
            assert await read_some(transport) == b"!"
        yield transport, TlsClient(stream)
        transport.close()
