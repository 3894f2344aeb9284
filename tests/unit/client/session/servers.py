"""Servers that answer wrongly, or not at all, and how the client says so."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import pytest
import trio

from client.errors import CannotConnect
from client.session.opening import open_websocket
from tests import PATIENCE

Serve = Callable[[trio.abc.Stream], Awaitable[None]]
REJECTED: Final = (OSError, trio.BrokenResourceError)


async def failure(url: str) -> CannotConnect:
    """Return why this cannot be connected to."""
    async with trio.open_nursery() as nursery:
        with trio.fail_after(PATIENCE), pytest.raises(CannotConnect) as caught:
            await open_websocket(nursery, url)
        nursery.cancel_scope.cancel()
    error = caught.value
    assert "Error" not in str(error), "it says so in words"
    assert len(str(error)) < 500
    return error


@asynccontextmanager
async def server(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve on a port of this machine, with TLS if there is a context; give the port."""

    async def serve_one(plain: trio.SocketStream) -> None:
        stream: trio.abc.Stream = plain
        if context is not None:
            stream = trio.SSLStream(plain, context, server_side=True, https_compatible=True)
        try:
            await serve(stream)
        except* REJECTED:
            pass  # the client has gone
        finally:
            await trio.aclose_forcefully(stream)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve_one, 0, host="127.0.0.1"))
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def answering(answer: bytes, *, stays: bool = False) -> Serve:
    """Serve by sending this, whatever is asked; then close, or stay silently."""

    async def serve(stream: trio.abc.Stream) -> None:
        await stream.receive_some()
        if answer:
            await stream.send_all(answer)
        if stays:
            await trio.sleep_forever()

    return serve


async def reason(answer: bytes, *, scheme: str = "ws", stays: bool = False) -> CannotConnect:
    async with server(answering(answer, stays=stays)) as port:
        return await failure(f"{scheme}://127.0.0.1:{port}/ws")
