"""Handshakes with a server whose answer is mutated."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from functools import partial
from random import Random
from typing import Final

import trio

from client.errors import CannotConnect
from client.session.failures import MOST_REASON_CHARS
from client.session.opening import open_websocket
from client.text.visible import has_unsafe
from tests.fuzzing.mutations import mutated_bytes

_KEY: Final = re.compile(rb"Sec-WebSocket-Key: *(\S+)", re.IGNORECASE)
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_ANSWERS: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 301 Moved\r\nLocation: wss://chat.example/ws\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nno",
    b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"\x15\x03\x01\x00\x02\x02\x46",
    b"\x16\x03\x03\x00\x31\x02\x00\x00\x2d\x03\x03" + bytes(32) + b"\x00\x13\x01\x00\x00\x05",
    b"",
)


def accepting(request: bytes, *, subprotocol: bytes = b"chat.v1") -> bytes:
    """Return the answer that opens a WebSocket."""
    found = _KEY.search(request)
    digest = hashlib.sha1((found[1] if found else b"") + _GUID, usedforsecurity=False).digest()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: %s\r\n\r\n"
        % (base64.b64encode(digest), subprotocol)
    )


async def fuzz_handshakes(times: int, seed: int) -> Counter[str]:
    """Connect so often; return how often which kind of reason was given, or ``opened``.

    Whatever else than `CannotConnect` comes out of it is raised.
    """
    random = Random(seed)
    outcomes: Counter[str] = Counter()

    async def serve(stream: trio.SocketStream) -> None:
        try:
            request = bytes(await stream.receive_some())
            answer = accepting(request)
            if random.random() < 0.5:
                answer = random.choice(_ANSWERS)
            await stream.send_all(mutated_bytes(answer, random))
        except (OSError, trio.BrokenResourceError):
            pass  # the client has gone
        finally:
            await trio.aclose_forcefully(stream)

    async with trio.open_nursery() as server:
        listeners = await server.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        for _ in range(times):
            scheme = "wss" if random.random() < 0.1 else "ws"
            async with trio.open_nursery() as nursery:
                try:
                    stream, _websocket = await open_websocket(
                        nursery, f"{scheme}://127.0.0.1:{port}/ws"
                    )
                except CannotConnect as error:
                    reason = str(error)
                    assert reason, "it says why"
                    assert not has_unsafe(reason), repr(reason)
                    assert len(reason) <= MOST_REASON_CHARS
                    assert error.retry_after is None or 0 <= error.retry_after <= 3600
                    outcomes[reason.partition("/ws: ")[2][:28]] += 1
                else:
                    outcomes["opened"] += 1
                    await trio.aclose_forcefully(stream)
                nursery.cancel_scope.cancel()
        server.cancel_scope.cancel()
    return outcomes
