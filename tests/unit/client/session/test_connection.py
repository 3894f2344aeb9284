"""A connection whose other side may go silent, by a clock that runs while everybody waits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import cast

import pytest
import trio
import trio_websocket
import wsproto
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked
from wsproto.connection import Connection
from wsproto.events import AcceptConnection, BytesMessage, Ping, Request, TextMessage

from client.session import CannotConnect, Guest, NotConfirmed, NotConnected, open_session
from client.session.connection import (
    MOST_WRONG_FRAMES,
    PING_SECONDS,
    PONG_SECONDS,
    PROBE_SECONDS,
    ClientConnection,
    Closed,
)
from client.session.counted_stream import CountedStream
from client.session.hello import HELLO_SECONDS, HelloSequence
from client.session.positions import Positions
from gateway import wire
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


@asynccontextmanager
async def talking() -> AsyncIterator[tuple[Watched, Callable[[str | bytes], Awaitable[None]]]]:
    """Give a connection, and how the other side sends frames over it."""
    async with watched() as line:

        async def send(frame: str | bytes) -> None:
            protocol = Connection(wsproto.ConnectionType.SERVER)
            event = TextMessage(frame) if isinstance(frame, str) else BytesMessage(frame)
            await line.peer.send(protocol.send(event))

        yield line, send


async def test_wrong_frames_are_dropped_and_counted_and_too_many_end_the_connection(
    autojump_clock: MockClock,
) -> None:
    del autojump_clock
    heard: list[object] = []

    async def hear(event: object) -> None:
        heard.append(event)

    async with talking() as (line, send), trio.open_nursery() as nursery:
        ended: list[Closed] = []

        async def listen() -> None:
            ended.append(await line.connection.hear(hear))

        nursery.start_soon(listen)
        await send('{"type": "notice", "code": "c", "message": "a\\u001bb"}')
        await send('{"type": "hologram"}')
        for _ in range(MOST_WRONG_FRAMES - 1):
            await send('{"type": "message", "seq": "seven"}')
        await send(b"\x00")
        await wait_all_tasks_blocked()
        assert heard == [wire.Notice(code="c", message="a\u241bb")]
        assert line.connection.wrong_frames == MOST_WRONG_FRAMES
        assert ended == []
        await send("[" * 60_000)
        await wait_all_tasks_blocked()
        assert [(closed.code, closed.reason) for closed in ended] == [
            (1002, "the server sends what this client cannot read")
        ]


@pytest.mark.parametrize("answer", ['{"type": "error", "id": "1"}', '{"type": "ok", "id": "1"}'])
async def test_a_command_whose_answer_is_wrong_fails(
    answer: str, autojump_clock: MockClock
) -> None:
    del autojump_clock

    async def hear(event: object) -> None:
        raise AssertionError(event)

    async with talking() as (line, send), trio.open_nursery() as nursery:
        nursery.start_soon(line.connection.hear, hear)

        async def ask() -> None:
            with pytest.raises(NotConfirmed, match="cannot be read"):
                await line.connection.ask(wire.Send(id="1", room="r", text="t"), wire.Sent)
            nursery.cancel_scope.cancel()

        nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        await send(answer)


async def test_a_server_that_never_answers_a_hello_is_left(autojump_clock: MockClock) -> None:
    del autojump_clock
    async with watched() as line:
        hello = HelloSequence(iter(["1"]), Positions(), Guest("alice"))
        with pytest.raises(NotConnected, match="does not answer"):
            await hello.say(line.connection)
        assert trio.current_time() >= HELLO_SECONDS
