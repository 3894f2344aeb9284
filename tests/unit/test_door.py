"""A new connection, from its first byte, over real local sockets; there is no Redis."""

from __future__ import annotations

import base64
import dataclasses
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio_websocket
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway import wire
from gateway.closing import DRAINING, Closing
from gateway.config import Settings
from gateway.door import HEAD_SECONDS, HELLO_SECONDS, MAX_HEAD_BYTES, Connection
from gateway.node import Node

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + base64.b64encode(bytes(16)) + b"\r\n"
)


def ready() -> str | None:
    return None


def not_ready() -> str | None:
    return "Redis does not answer"


class Door:
    """A connection that is served, and its client's end."""

    def __init__(self, connection: Connection, client: trio.SocketStream) -> None:
        self.connection = connection
        self.client = client
        self.served = trio.Event()

    async def receive_all(self) -> bytes:
        """Receive until the node ends the connection."""
        with trio.fail_after(30):
            return b"".join([chunk async for chunk in self.client])

    async def request(self, data: bytes) -> Response:
        await self.client.send_all(data)
        return Response(await self.receive_all())


class Response:
    """An HTTP response, taken apart."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("ascii").split("\r\n")
        self.status = int(first.split(" ")[1])
        self.headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}


@asynccontextmanager
async def door(why_not_ready: Callable[[], str | None] = ready) -> AsyncIterator[Door]:
    """Serve one connection of a node that has never reached its Redis."""
    node = Node(Settings(redis="unix:///nowhere/redis.sock"))
    services = dataclasses.replace(node._services, why_not_ready=why_not_ready)
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener, trio.open_nursery() as nursery:
        client = await trio.testing.open_stream_to_socket_listener(listener)
        accepted = socket.socket(fileno=(await listener.accept()).socket.detach())
        opened = Door(Connection(services, accepted, "client:1", nursery.start_soon), client)

        async def serve() -> None:
            await opened.connection.serve()
            opened.served.set()

        nursery.start_soon(serve)
        async with client:
            yield opened
        with trio.fail_after(30):
            await opened.served.wait()


def get(path: str, method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


# --- HTTP -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "content_type", "says"),
    [
        ("/", 200, "text/plain; charset=utf-8", b"chat.v1"),
        ("/healthz", 200, "text/plain; charset=utf-8", b"ok\n"),
        ("/healthz?probe=1", 200, "text/plain; charset=utf-8", b"ok\n"),
        ("/readyz", 200, "application/json", b'{"ready": true}\n'),
        ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", b"chat_connections 0.0\n"),
        ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", b"chat_commands_total 0.0\n"),
        ("/nothing", 404, "text/plain; charset=utf-8", b"nothing here"),
        ("/healthz/", 404, "text/plain; charset=utf-8", b"nothing here"),
        ("//", 404, "text/plain; charset=utf-8", b"nothing here"),
        ("/ws", 426, "text/plain; charset=utf-8", b"WebSocket"),
    ],
)
async def test_a_path_is_answered_and_the_connection_ended(
    path: str, status: int, content_type: str, says: bytes
) -> None:
    async with door() as opened:
        response = await opened.request(get(path))
    assert response.status == status
    assert response.headers["content-type"] == content_type
    assert response.headers["content-length"] == str(len(response.body))
    assert response.headers["connection"] == "close"
    assert response.headers["cache-control"] == "no-store"
    assert says in response.body


async def test_not_ready_says_why() -> None:
    async with door(not_ready) as opened:
        response = await opened.request(get("/readyz"))
    assert response.status == 503
    assert json.loads(response.body) == {"ready": False, "reason": "Redis does not answer"}


async def test_alive_though_not_ready() -> None:
    async with door(not_ready) as opened:
        assert (await opened.request(get("/healthz"))).status == 200


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz"])
async def test_head_is_get_without_the_body(path: str) -> None:
    async with door() as opened:
        whole = await opened.request(get(path))
    async with door() as opened:
        response = await opened.request(get(path, "HEAD"))
    assert response.status == 200
    assert response.body == b""
    assert response.headers == whole.headers


async def test_head_of_the_metrics_has_no_body_either() -> None:
    async with door() as opened:
        response = await opened.request(get("/metrics", "HEAD"))
    assert (response.status, response.body) == (200, b"")
    assert int(response.headers["content-length"]) > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
async def test_other_methods_are_told_which_ones_work(method: str) -> None:
    async with door() as opened:
        response = await opened.request(get("/healthz", method))
    assert response.status == 405
    assert response.headers["allow"] == "GET, HEAD"


async def test_the_websocket_endpoint_says_what_it_is() -> None:
    async with door() as opened:
        response = await opened.request(get("/ws"))
    assert response.headers["upgrade"] == "websocket"


@pytest.mark.parametrize(
    "head",
    [
        b"hello\r\n\r\n",
        b"\r\n\r\n",
        b"\x00\xff\xfe\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / FTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /ws\r\nUpgrade: websocket\r\n\r\n",
    ],
)
async def test_garbage_is_a_bad_request(head: bytes) -> None:
    async with door() as opened:
        response = await opened.request(head)
    assert response.status == 400
    assert response.body.startswith(b"Bad request")


async def test_a_head_may_come_in_any_pieces() -> None:
    async with door() as opened:
        for byte in get("/healthz"):
            await opened.client.send_all(bytes((byte,)))
            await trio.lowlevel.checkpoint()
        assert Response(await opened.receive_all()).status == 200


def head_of(size: int) -> bytes:
    start, end = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nCookie: ", b"\r\n\r\n"
    return start + b"x" * (size - len(start) - len(end)) + end


async def test_a_head_of_16_kib_is_read() -> None:
    async with door() as opened:
        assert (await opened.request(head_of(MAX_HEAD_BYTES))).status == 200


@pytest.mark.parametrize("size", [5_000, 100_000])
async def test_a_head_over_16_kib_is_refused_though_it_has_no_end(size: int) -> None:
    async with door() as opened:
        await opened.client.send_all(head_of(MAX_HEAD_BYTES + size)[:-4])
        response = await opened.client.receive_some(4096)
        assert Response(bytes(response)).status == 431
        await opened.served.wait()


@pytest.mark.parametrize("data", [b"", b"GET / HT"])
async def test_who_goes_away_before_the_end_of_the_head_is_answered_nothing(data: bytes) -> None:
    async with door() as opened:
        await opened.client.send_all(data)
        await opened.client.send_eof()
        assert await opened.receive_all() == b""


@pytest.mark.parametrize("trickle", [b"", b"x"])
async def test_a_slow_head_is_given_ten_seconds_in_all(
    mock_clock: MockClock, trickle: bytes
) -> None:
    assert HEAD_SECONDS == 10.0
    async with door() as opened:
        await opened.client.send_all(b"GET / HTTP/1.1\r\nCookie: ")
        for _ in range(9):
            await wait_all_tasks_blocked(0.001)
            mock_clock.jump(1.1)
            await opened.client.send_all(trickle)
            await wait_all_tasks_blocked(0.001)
            assert not opened.served.is_set()
        mock_clock.jump(0.2)
        await opened.served.wait()


async def test_a_node_that_stops_does_not_wait_for_a_slow_head(mock_clock: MockClock) -> None:
    async with door() as opened:
        await opened.client.send_all(b"GET / HT")
        await wait_all_tasks_blocked(0.001)
        before = mock_clock.current_time()
        opened.connection.close(DRAINING)
        await opened.served.wait()
        assert mock_clock.current_time() == before


# --- WebSocket ------------------------------------------------------------------------------------


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
            nursery, opened.client, "localhost", wire.PATH, subprotocols=[wire.SUBPROTOCOL]
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


async def test_floods_are_refused_with_the_time_to_wait() -> None:
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
        client.connection.close(Closing(4999, "too late"))
        assert await client.closed() == DRAINING


async def test_the_client_may_close() -> None:
    async with chat() as client:
        await client.websocket.aclose(1001, "going home")
        with trio.fail_after(30):
            await client.door.served.wait()
        assert client.websocket.closed is not None
        assert int(client.websocket.closed.code) == 1001


async def test_a_client_that_vanishes_ends_the_connection() -> None:
    async with door() as opened:
        await opened.client.send_all(HANDSHAKE + b"\r\n")
        await opened.client.receive_some(4096)
        await opened.client.aclose()
        with trio.fail_after(30):
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
