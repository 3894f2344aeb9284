"""What a connection does with a WebSocket, from its handshake on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway import wire
from gateway.config import Settings
from gateway.net.websocket import text_frame
from gateway.server.connection import HELLO_SECONDS
from gateway.wire.close_codes import DRAINING, Close
from tests import PATIENCE
from tests.http import Response
from tests.unit.gateway.served_connection import (
    ServedConnection,
    not_ready,
    ready,
    served_connection,
)
from tests.websocket import ACCEPT, WebSocketClient, encode_frame, handshake, open_websocket


@asynccontextmanager
async def chat(
    why_not_ready: Callable[[], str | None] = ready,
) -> AsyncIterator[tuple[ServedConnection, WebSocketClient]]:
    async with served_connection(why_not_ready) as opened:
        yield opened, await open_websocket(opened.client)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ("", None),
        ("chat.v1", "chat.v1"),
        ("chat.v2, chat.v1", "chat.v1"),
        ("mqtt", None),
    ],
)
async def test_our_subprotocol_is_chosen_where_it_is_offered(
    offered: str, chosen: str | None
) -> None:
    async with served_connection() as opened:
        await opened.client.send_all(handshake(protocols=offered))
        response = Response(bytes(await opened.client.receive_some(4096)))
        assert response.status == 101
        assert response.headers.get("sec-websocket-protocol") == chosen
        assert response.headers["sec-websocket-accept"] == ACCEPT


@pytest.mark.parametrize(
    "head",
    [
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        handshake().replace(b"Version: 13", b"Version: 7"),
        handshake().replace(b"Upgrade: websocket", b"Upgrade: h2c"),
    ],
)
async def test_a_wrong_handshake_is_refused_at_once(mock_clock: MockClock, head: bytes) -> None:
    before = mock_clock.current_time()
    async with served_connection() as opened:
        await opened.client.send_all(head)
        with trio.move_on_after(1) as patience:
            # The clock stands still until everybody only waits: for time to pass, or for nothing.
            mock_clock.autojump_threshold = 0.05
            response = Response(await opened.receive_all())
        assert not patience.cancelled_caught, "it waits for its time to run out"
        assert 400 <= response.status < 500
        assert mock_clock.current_time() == before


@pytest.mark.parametrize(
    ("frame", "code", "id_"),
    [
        ({"type": "ping", "id": "7"}, "unauthorized", "7"),
        ({"type": "send", "id": "7", "room": "r", "text": "hi"}, "unauthorized", "7"),
        ({"type": "join", "room": "r"}, "unauthorized", None),
        ("hello", "bad_frame", None),
        ({"type": "shout", "id": "7"}, "bad_frame", "7"),
        (b'{"type":"ping","id":"7"}', "bad_frame", None),
        ({"type": "hello", "nick": "a b", "id": "7"}, "bad_nick", "7"),
        ({"type": "hello", "nick": "Alice", "id": "7"}, "unavailable", "7"),
    ],
)
async def test_a_frame_that_is_refused_leaves_the_connection(
    frame: dict[str, Any] | str | bytes, code: str, id_: str | None
) -> None:
    async with chat() as (_, client):
        for _ in range(2):
            error = await client.ask(frame)
            assert (error["type"], error["code"], error.get("id")) == ("error", code, id_)
            assert error["message"].endswith(".")
            assert ("retry_after" in error) == (code == "unavailable")


async def test_floods_are_refused_with_the_time_to_wait(mock_clock: MockClock) -> None:
    del mock_clock  # it stands still: no command is allowed again meanwhile
    async with chat() as (_, client):
        burst = Settings().flood_burst
        for _ in range(burst + 1):
            await client.say({"type": "ping", "id": "7"})
        answers = [await client.hear() for _ in range(burst + 1)]
    assert {answer["code"] for answer in answers[:-1]} == {"unauthorized"}
    assert (answers[-1]["code"], answers[-1]["id"]) == ("too_fast", "7")
    assert 0 < answers[-1]["retry_after"] <= 1 / Settings().flood_rate + 0.001


@pytest.mark.parametrize("letter", ["x", "€"])
async def test_a_frame_of_16_kib_is_read_and_a_longer_one_closes(letter: str) -> None:
    size = wire.MAX_FRAME_BYTES
    text = letter * (size // len(letter.encode()))
    text += "x" * (size - len(text.encode()))
    async with chat() as (_, client):
        assert (await client.ask(text))["code"] == "bad_frame"
        await client.say(text + "x")
        assert await client.closed() == 1009


@pytest.mark.parametrize(
    ("begun", "code"),
    [
        (b"\x81\x00", 1002),  # not masked
        (b"\xf1", 1002),
        (b"\x83", 1002),
        (b"\x80", 1002),
        (b"\x81\xff" + bytes(5) + b"\xff\xff\xff", 1009),
        (b"\x01\x81" + bytes(4) + b"\xff", 1007),
        (b"\x81\x85" + bytes(4) + b"\xed\xa0", 1007),
        (b"\x88\x81" + bytes(4) + b"\x03", 1002),
    ],
)
async def test_a_wrong_frame_closes_though_no_more_of_it_comes(begun: bytes, code: int) -> None:
    async with chat() as (opened, client):
        await opened.client.send_all(begun)
        assert await client.closed() == code


async def test_a_message_in_many_fragments_is_bounded_too() -> None:
    async with chat() as (opened, client):
        for opcode in (1, 0, 0, 0, 0):
            await opened.client.send_all(encode_frame(b"x" * 4096, opcode, is_last=False))
        assert await client.closed() == 1009


@pytest.mark.parametrize(("why", "code"), [(ready, 4500), (not_ready, 4004)])
async def test_without_a_hello_for_ten_seconds_it_closes(
    mock_clock: MockClock, why: Callable[[], str | None], code: int
) -> None:
    assert HELLO_SECONDS == 10.0
    async with chat(why) as (_, client):
        await client.ask({"type": "hello", "nick": "Alice"})
        mock_clock.jump(9.9)
        assert (await client.ask({"type": "ping"}))["code"] == "unauthorized"
        mock_clock.jump(0.2)
        assert await client.closed() == code
        assert wire.may_reconnect(code) == (code == 4004)


async def test_the_node_closes_with_its_reason_and_the_first_one_counts() -> None:
    async with chat() as (opened, client):
        await client.ask({"type": "ping"})
        opened.connection.close(DRAINING)
        opened.connection.close(Close(4999, "too late"))
        assert (await client.closed(), client.close_reason) == DRAINING


async def test_the_client_may_close() -> None:
    async with chat() as (opened, client):
        assert await client.close(1001, "going home") == 1001
        with trio.fail_after(PATIENCE):
            await opened.served.wait()


async def test_a_client_that_vanishes_ends_the_connection() -> None:
    async with chat() as (opened, client):
        await client.break_off()
        with trio.fail_after(PATIENCE):
            await opened.served.wait()


async def test_the_silent_are_pinged_and_the_dead_are_closed() -> None:
    async with chat() as (opened, client):
        heard_at = opened.connection.heard_at
        opened.connection.keep_alive(heard_at + 24, 25)
        opened.connection.keep_alive(heard_at + 26, 25)
        assert await client.receive_until(b"\x89\x00") == b"\x89\x00"
        opened.connection.keep_alive(heard_at + 51, 25)
        assert await client.closed() == 4002


async def test_a_command_waits_while_earlier_answers_do() -> None:
    async with chat() as (opened, client):
        opened.connection.write_buffer.write(text_frame(b"x" * 600_000))
        await client.say({"type": "ping", "id": "7"})
        await wait_all_tasks_blocked()
        assert opened.context.metrics.counts.commands == 0
        assert await client.hear_text() == "x" * 600_000
        assert (await client.hear())["id"] == "7"


async def test_whoever_reads_what_waits_for_it_is_not_silent() -> None:
    async with chat() as (opened, client):
        now = opened.connection.heard_at
        opened.connection.write_buffer.write(text_frame(b"x" * 600_000))
        for _ in range(5):
            await client.stream.receive_some()
            await wait_all_tasks_blocked()
            now += 26
            opened.connection.keep_alive(now, 25)
        opened.connection.keep_alive(now + 51, 25)
        with trio.fail_after(PATIENCE):
            await opened.served.wait()


async def test_whoever_sends_and_does_not_read_is_closed() -> None:
    async with chat() as (opened, client):
        now = opened.connection.heard_at
        opened.connection.write_buffer.write(text_frame(b"x" * 600_000))
        await wait_all_tasks_blocked()
        for later in (26, 49):
            opened.connection.heard_at = now + later  # its pongs come
            opened.connection.keep_alive(now + later, 25)
        assert opened.context.metrics.counts.slow_readers == 0
        opened.connection.heard_at = now + 52
        opened.connection.keep_alive(now + 52, 25)
        assert opened.context.metrics.counts.slow_readers == 1
        assert await client.hear_text() == "x" * 600_000
        assert await client.closed() == 4001
