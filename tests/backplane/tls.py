"""TLS in front of a server that has none of its own, and the certificate for it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import trio
import trustme

from tests.ports import HOST

_RECORD: Final = b"\x16"
"""The first byte of every handshake of TLS."""
_BROKEN: Final = (OSError, trio.BrokenResourceError)


class Identity:
    """A certificate for localhost, and in ``authority`` the file of who has signed it."""

    def __init__(self, folder: Path) -> None:
        issuer = trustme.CA()
        self.authority = folder / "ca.pem"
        issuer.cert_pem.write_to_path(self.authority)
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        issuer.issue_cert("localhost", HOST).configure_cert(self.context)


@asynccontextmanager
async def tls_port(
    identity: Identity, connect: Callable[[], Awaitable[trio.SocketStream]], port: int = 0
) -> AsyncIterator[int]:
    """Serve TLS in front of what ``connect`` opens; gives the port.

    A connection that does not begin with TLS goes through as it is: a sentinel, which cannot speak
    it either, comes to the port that it tells clients.
    """

    async def serve(client: trio.SocketStream) -> None:
        try:
            encrypted = await client.socket.recv(1, socket.MSG_PEEK) == _RECORD
            near = trio.SSLStream(client, identity.context, server_side=True)
            async with near if encrypted else client as stream, await connect() as server:
                await _relay(stream, server)
        except* _BROKEN:
            pass  # one side has gone, or did not want the certificate

    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(port, host=HOST)
        nursery.start_soon(trio.serve_listeners, serve, listeners)
        yield int(listeners[0].socket.getsockname()[1])
        nursery.cancel_scope.cancel()


async def _relay(one: trio.abc.Stream, other: trio.abc.Stream) -> None:
    """Pass on what comes from each to the other until one of them ends."""
    async with trio.open_nursery() as nursery:

        async def pump(source: trio.abc.Stream, sink: trio.abc.Stream) -> None:
            async for chunk in source:
                await sink.send_all(chunk)
            nursery.cancel_scope.cancel()

        nursery.start_soon(pump, one, other)
        nursery.start_soon(pump, other, one)
