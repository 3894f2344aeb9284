"""A connection whose other side may go silent, by a clock that runs while everybody waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import cast

import pytest
import trio
import trio_websocket
import wsproto
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked
from wsproto.events import AcceptConnection, Ping, Request

from client.session import CannotConnect, open_session
from client.session.connection import PING_SECONDS, PONG_SECONDS, PROBE_SECONDS, ClientConnection
from client.session.counted_stream import CountedStream
from tests import PATIENCE


class Peer:
    """The other side: answers pings for as long as it is ``alive``."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.alive = True
        self.pings = 0
        self._stream = stream

    async def send(self, data: bytes) -> None:
        await self._stream.send_all(data)

    async def run(self) -> None:
        protocol = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        async for data in self._stream:
            protocol.receive_data(bytes(data))
            for event in protocol.events():
                if isinstance(event, Request):
                    await self._stream.send_all(protocol.send(AcceptConnection()))
                elif isinstance(event, Ping):
                    self.pings += 1
                    if self.alive:
                        await self._stream.send_all(protocol.send(event.response()))


class Watched:
    """A connection, its other side, and when it was found silent."""

    def __init__(self, connection: ClientConnection, peer: Peer) -> None:
        self.connection, self.peer = connection, peer
        self.silent_at: float | None = None

    async def watch(self) -> None:
        await self.connection.until_silent()
        self.silent_at = trio.current_time()


@asynccontextmanager
async def watched() -> AsyncIterator[Watched]:
    line, theirs = memory_stream_pair()
    ours, peer = CountedStream(line), Peer(theirs)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(peer.run)
        websocket = await trio_websocket.wrap_client_stream(
            nursery, cast("trio.SocketStream", ours), "host", "/ws"
        )
        found = Watched(ClientConnection(ours, websocket), peer)
        nursery.start_soon(found.watch)
        await wait_all_tasks_blocked()
        yield found
        nursery.cancel_scope.cancel()


async def test_who_answers_is_asked_again_and_again(autojump_clock: MockClock) -> None:
    del autojump_clock
    async with watched() as line:
        await trio.sleep(10 * PING_SECONDS + 1)
        assert line.peer.pings == 10
        line.peer.alive = False
        await trio.sleep(PING_SECONDS + PONG_SECONDS)
        assert line.silent_at == 11 * PING_SECONDS + PONG_SECONDS


async def test_in_doubt_it_is_found_out_at_once(autojump_clock: MockClock) -> None:
    del autojump_clock
    async with watched() as line:
        await trio.sleep(3)
        line.connection.doubt()
        await trio.sleep(PROBE_SECONDS + 1)
        assert (line.peer.pings, line.silent_at) == (1, None), "it lives"
        line.peer.alive = False
        line.connection.doubt()
        await trio.sleep(PROBE_SECONDS + 1)
        assert line.silent_at == 4 + 2 * PROBE_SECONDS


async def test_doubt_shortens_a_wait_that_has_begun(autojump_clock: MockClock) -> None:
    del autojump_clock
    async with watched() as line:
        line.peer.alive = False
        await trio.sleep(PING_SECONDS + 1)
        line.connection.doubt()
        await trio.sleep(PONG_SECONDS)
        assert line.silent_at == PING_SECONDS + 1 + PROBE_SECONDS


async def test_whoever_sends_a_long_answer_slowly_is_not_silent(autojump_clock: MockClock) -> None:
    del autojump_clock
    async with watched() as line:
        line.peer.alive = False
        begins_a_frame_of_64_kib = b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"
        await line.peer.send(begins_a_frame_of_64_kib)
        for _ in range(100):
            await trio.sleep(PONG_SECONDS / 2)
            await line.peer.send(b"x")
        assert line.silent_at is None
        await trio.sleep(2 * (PING_SECONDS + PONG_SECONDS))
        assert line.silent_at is not None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "503"),
        (b"", "during the handshake"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP"),
    ],
)
async def test_a_client_is_told_at_once_why_it_was_not_let_in(
    answer: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client.session.opening.CONNECT_SECONDS", 600.0)

    async def refuse(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        if answer:
            await stream.send_all(answer)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, refuse, 0, host="127.0.0.1"))
        url = f"ws://127.0.0.1:{listeners[0].socket.getsockname()[1]}/ws"
        with trio.fail_after(PATIENCE), pytest.raises(CannotConnect, match=reason):
            async with open_session([url], nick="alice"):
                raise AssertionError("let in")
        nursery.cancel_scope.cancel()
