"""What comes to the door as a WebSocket, from its handshake on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio_websocket
from trio.testing import MockClock

from gateway import wire
from gateway.config import Settings
from gateway.server.connection import HELLO_SECONDS
from gateway.wire.close_codes import DRAINING, Close
from tests import PATIENCE
from tests.unit.gateway.doorway import HANDSHAKE, Door, Response, door, not_ready, ready


class Chat:
    """A client's WebSocket on a door."""

    def __init__(self, opened: Door, websocket: trio_websocket.WebSocketConnection) -> None:
        self.door = opened
        self.connection = opened.connection
        self.websocket = websocket

    async def say(self, frame: dict[str, Any] | str | bytes) -> None:
        data = json.dumps(frame) if isinstance(frame, dict) else frame
        await self.websocket.send_message(data)

    async def hear(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(await self.websocket.get_message())
        return frame

    async def ask(self, frame: dict[str, Any] | str | bytes) -> dict[str, Any]:
        await self.say(frame)
        return await self.hear()

    async def closed(self) -> tuple[int, str | None]:
        """Wait until the node closes; gives code and reason."""
        with pytest.raises(trio_websocket.ConnectionClosed) as caught:
            await self.websocket.get_message()
        reason = caught.value.reason
        assert reason is not None
        return int(reason.code), reason.reason


@asynccontextmanager
async def chat(why_not_ready: Callable[[], str | None] = ready) -> AsyncIterator[Chat]:
    async with door(why_not_ready) as opened, trio.open_nursery() as nursery:
        websocket = await trio_websocket.wrap_client_stream(
            nursery,
            opened.client,  # type: ignore[arg-type]  # any stream will do
            "localhost",
            wire.PATH,
            subprotocols=[wire.SUBPROTOCOL],
        )
        assert websocket.subprotocol == wire.SUBPROTOCOL
        yield Chat(opened, websocket)
        await websocket.aclose()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (b"", None),
        (b"Sec-WebSocket-Protocol: chat.v1\r\n", "chat.v1"),
        (b"Sec-WebSocket-Protocol: chat.v2, chat.v1\r\n", "chat.v1"),
        (b"Sec-WebSocket-Protocol: mqtt\r\n", None),
    ],
)
async def test_our_subprotocol_is_chosen_where_it_is_offered(
    offered: bytes, chosen: str | None
) -> None:
    async with door() as opened:
        await opened.client.send_all(HANDSHAKE + offered + b"\r\n")
        response = Response(bytes(await opened.client.receive_some(4096)))
        assert response.status == 101
        assert response.headers.get("sec-websocket-protocol") == chosen
        # RFC 6455 1.3, for a key of sixteen zero bytes.
        assert response.headers["sec-websocket-accept"] == "ICX+Yqv66kxgM0FcWaLWlFLwTAI="


@pytest.mark.parametrize(
    "head",
    [
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        HANDSHAKE.replace(b"Version: 13", b"Version: 7") + b"\r\n",
        HANDSHAKE.replace(b"Upgrade: websocket", b"Upgrade: h2c") + b"\r\n",
    ],
)
async def test_a_wrong_handshake_is_refused_at_once(mock_clock: MockClock, head: bytes) -> None:
    before = mock_clock.current_time()
    async with door() as opened:
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
    async with chat() as client:
        for _ in range(2):
            error = await client.ask(frame)
            assert (error["type"], error["code"], error.get("id")) == ("error", code, id_)
            assert error["message"].endswith(".")
            assert ("retry_after" in error) == (code == "unavailable")
        assert client.websocket.closed is None


async def test_floods_are_refused_with_the_time_to_wait(mock_clock: MockClock) -> None:
    del mock_clock  # it stands still: no command is allowed again meanwhile
    async with chat() as client:
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
    async with chat() as client:
        assert (await client.ask(text))["code"] == "bad_frame"
        await client.say(text + "x")
        assert (await client.closed())[0] == 1009


async def test_a_message_in_many_fragments_is_bounded_too() -> None:
    async with door() as opened:
        await opened.client.send_all(HANDSHAKE + b"\r\n")
        await opened.client.receive_some(4096)
        fragment = b"\x01\xfe\x10\x00" + bytes(4) + b"x" * 4096
        more = b"\x00" + fragment[1:]
        await opened.client.send_all(fragment + more * 4)
        received = await opened.receive_all()
        assert b"\x88" in received
        close = received[received.rindex(b"\x88") :]
        assert int.from_bytes(close[2:4], "big") == 1009


@pytest.mark.parametrize(("why", "code"), [(ready, 4500), (not_ready, 4004)])
async def test_without_a_hello_for_ten_seconds_it_closes(
    mock_clock: MockClock, why: Callable[[], str | None], code: int
) -> None:
    assert HELLO_SECONDS == 10.0
    async with chat(why) as client:
        await client.ask({"type": "hello", "nick": "Alice"})
        mock_clock.jump(9.9)
        assert (await client.ask({"type": "ping"}))["code"] == "unauthorized"
        mock_clock.jump(0.2)
        assert (await client.closed())[0] == code
        assert wire.may_reconnect(code) == (code == 4004)


async def test_the_node_closes_with_its_reason_and_the_first_one_counts() -> None:
    async with chat() as client:
        await client.ask({"type": "ping"})
        client.connection.close(DRAINING)
        client.connection.close(Close(4999, "too late"))
        assert await client.closed() == DRAINING


async def test_the_client_may_close() -> None:
    async with chat() as client:
        await client.websocket.aclose(1001, "going home")
        with trio.fail_after(PATIENCE):
            await client.door.served.wait()
        assert client.websocket.closed is not None
        assert int(client.websocket.closed.code) == 1001


async def test_a_client_that_vanishes_ends_the_connection() -> None:
    async with door() as opened:
        await opened.client.send_all(HANDSHAKE + b"\r\n")
        await opened.client.receive_some(4096)
        await opened.client.aclose()
        with trio.fail_after(PATIENCE):
            await opened.served.wait()


async def test_the_silent_are_pinged_and_the_dead_are_closed() -> None:
    async with door() as opened:
        await opened.client.send_all(HANDSHAKE + b"\r\n")
        await opened.client.receive_some(4096)
        heard_at = opened.connection.heard_at
        opened.connection.keep_alive(heard_at + 24, 25)
        opened.connection.keep_alive(heard_at + 26, 25)
        assert await opened.client.receive_some(4096) == b"\x89\x00"
        opened.connection.keep_alive(heard_at + 51, 25)
        close = await opened.client.receive_some(4096)
        assert int.from_bytes(close[2:4], "big") == 4002
