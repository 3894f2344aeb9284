"""A server on this machine that publishes keys."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import trio


class JwksServer:
    """Answers each request with ``answer``, or holds it until ``held`` is set.

    - ``requests``: what has been asked for, from the first line to the blank one.
    """

    def __init__(self, body: bytes) -> None:
        self.answer = self.ok(body)
        self.requests: list[bytes] = []
        self.held: trio.Event | None = None
        self.asked = trio.Event()
        self.port = 0

    @staticmethod
    def ok(body: bytes) -> bytes:
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/keys?of=chat"

    def hold(self) -> Self:
        """Hold back all answers until ``held`` is set."""
        self.held, self.asked = trio.Event(), trio.Event()
        return self

    async def serve(self, stream: trio.abc.Stream) -> None:
        try:
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                request += bytes(await stream.receive_some(4096))
            self.requests.append(request)
            self.asked.set()
            if self.held is not None:
                await self.held.wait()
            await stream.send_all(self.answer)
            await stream.aclose()
        except trio.BrokenResourceError:
            await trio.aclose_forcefully(stream)


@asynccontextmanager
async def serving(body: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[JwksServer]:
    server = JwksServer(body)
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        server.port = listeners[0].socket.getsockname()[1]
        if tls is None:
            nursery.start_soon(trio.serve_listeners, server.serve, listeners)
        else:
            secure = [trio.SSLListener(each, tls, https_compatible=True) for each in listeners]
            nursery.start_soon(trio.serve_listeners, server.serve, secure)
        yield server
        nursery.cancel_scope.cancel()
