"""Why a connection cannot be opened: whatever answers, or does not, it is said in words."""

from __future__ import annotations

import errno
import re
import socket
from typing import Any

import pytest
import trio

from client.addresses import NodeAddress
from client.errors import CannotConnect
from client.session import opening
from client.session.connection import ClientConnection
from client.session.failures import Attempt, explain
from client.session.opening import open_websocket
from client.session.refusals import LONGEST_RETRY_AFTER, read_refusal
from tests import PATIENCE
from tests.fuzzing.handshakes import accepting
from tests.unit.client.session.servers import failure, reason, server
from tests.unit.gateway.served_connection import served_connection

pytestmark = pytest.mark.usefixtures("patient")

# --- HTTP -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (200, "a web server"),
        (204, "a web server"),
        (400, "does not understand"),
        (401, "login"),
        (403, "forbidden"),
        (404, "no chat server at the path /ws .*usual path is /ws"),
        (407, "proxy demands a login"),
        (408, "waited in vain"),
        (418, "HTTP status 418"),
        (426, "does not let WebSockets through"),
        (429, "too many connections"),
        (500, "failed to answer"),
        (502, "reaches no chat server"),
        (503, "takes nobody in"),
        (504, "waits in vain"),
        (599, "HTTP status 599"),
    ],
)
@pytest.mark.parametrize(
    "rest", [b"Content-Length: 0\r\n\r\n", b"Content-Length: 9\r\n\r\nbut not a"]
)
async def test_a_status_is_explained_at_once_though_the_answer_does_not_end(
    status: int, says: str, rest: bytes
) -> None:
    answer = b"HTTP/1.1 %d Whatever\r\n" % status
    error = await reason(answer + rest, stays=True)
    assert re.search(says, str(error))
    assert f"HTTP status {status}" in str(error)
    assert error.retry_after is None


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("https://chat.example/ws", "wss://chat.example/ws"),
        ("http://chat.example/ws", "ws://chat.example/ws"),
        ("wss://chat.example/", "wss://chat.example/"),
        ("/new/ws", r"ws://127.0.0.1:\d+/new/ws"),
        ("//[", r"//\["),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_server_that_has_moved_says_where(status: int, location: str, says: str) -> None:
    answer = f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\n\r\n"
    assert re.search(f"connect to {says}$", str(await reason(answer.encode())))


def retry_after(value: str) -> float | None:
    refusal = read_refusal(f"HTTP/1.1 503 Away\r\nretry-after: {value}\r\n\r\n".encode())
    assert refusal is not None
    return refusal.retry_after


def test_the_time_to_wait_is_seconds_or_a_date_and_bounded() -> None:
    assert retry_after("7") == 7.0
    assert retry_after("9" * 5000) == LONGEST_RETRY_AFTER
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert retry_after("Wed, 21 Oct 2999 07:28:00 GMT") == LONGEST_RETRY_AFTER
    for nonsense in ("", "-1", "soon", "1.5", "²", "99 99"):
        assert retry_after(nonsense) is None


async def test_the_time_to_wait_is_told() -> None:
    for status in (429, 503):
        error = await reason(b"HTTP/1.1 %d Wait\r\nRetry-After: 3\r\n\r\n" % status)
        assert error.retry_after == 3.0


async def test_a_path_in_any_script_is_asked_for_and_shown_as_it_was_written() -> None:
    asked = b""

    async def serve(stream: trio.abc.Stream) -> None:
        nonlocal asked
        asked = bytes(await stream.receive_some())
        async with served_connection() as node:
            await node.client.send_all(asked)
            await stream.send_all(await node.receive_all())

    async with server(serve) as port:
        error = await failure(f"ws://127.0.0.1:{port}/чат?q=ä b")
    assert asked.startswith(b"GET /%D1%87%D0%B0%D1%82?q=%C3%A4%20b HTTP/1.1\r\n")
    assert "no chat server at the path /чат?q=ä b" in str(error)


# --- what is not HTTP, or not a whole answer --------------------------------------------------

SWITCH = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: "
)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP; it says 'SSH-2.0-OpenSSH_9.2"),
        (b"220 mail.example ESMTP\r\n", "does not speak HTTP"),
        (b"\x00\xff\x00", "does not speak HTTP"),
        (b"-ERR wrong\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 " + b"x" * 100_000, "during the handshake"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000, "a web server"),
        (SWITCH + b"nonsense\r\n\r\n", "no proper WebSocket server: Bad accept token"),
        (SWITCH + b"x" * 100_000, "no proper WebSocket server"),
        (SWITCH.replace(b"Connection", b"X") + b"\r\n\r\n", "no proper WebSocket server"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "speaks TLS; connect with wss://"),
    ],
)
async def test_an_answer_that_is_none_is_explained_at_once(answer: bytes, says: str) -> None:
    assert says in str(await reason(answer, stays=True))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"", "closed the connection during the handshake"),
        (b"HTTP/1.1", "closed the connection during the handshake"),
        (b"HTTP/1.1 200 OK\r\nContent-", "a web server"),
        (SWITCH, "no proper WebSocket server"),
    ],
)
async def test_an_answer_that_breaks_off_is_explained(answer: bytes, says: str) -> None:
    assert says in str(await reason(answer))


@pytest.mark.parametrize("protocols", [[], ["mqtt"]])
async def test_a_websocket_that_is_not_this_chats_is_told_from_it(protocols: list[str]) -> None:
    async def serve(stream: trio.abc.Stream) -> None:
        request = bytes(await stream.receive_some()).decode()
        [key] = re.findall(r"Sec-WebSocket-Key: (\S+)", request)
        chosen = "".join(f"Sec-WebSocket-Protocol: {each}\r\n" for each in protocols)
        accept = accept_token(key)
        await stream.send_all(SWITCH + f"{accept}\r\n{chosen}\r\n".encode())
        await trio.sleep_forever()

    async with server(serve) as port:
        error = await failure(f"ws://127.0.0.1:{port}/ws")
    expected = "unrecognized subprotocol mqtt" if protocols else "that speaks chat.v1"
    assert expected in str(error)


def accept_token(key: str) -> str:
    from wsproto.utilities import generate_accept_token  # noqa: PLC0415

    token: bytes = generate_accept_token(key.encode())
    return token.decode()


@pytest.mark.parametrize(("scheme", "says"), [("ws", "a chat server?"), ("wss", "speak TLS?")])
async def test_a_port_that_says_nothing(
    scheme: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "CONNECT_SECONDS", 0.2)
    assert says in str(await reason(b"", scheme=scheme, stays=True))


# --- no connection at all ---------------------------------------------------------------------


class Resolver(trio.abc.HostnameResolver):
    """Fails to resolve every name, in its own way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def getaddrinfo(self, *_args: Any, **_more: Any) -> Any:
        await trio.lowlevel.checkpoint()
        raise self._error

    async def getnameinfo(self, *_args: Any) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "no host called"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "cannot be looked up"),
        (UnicodeError("label too long"), "no name that a host can have"),
        (RuntimeError("a fault of a library's own"), "a fault of a library's own"),
        (RuntimeError(), "RuntimeError"),
    ],
)
async def test_names_that_cannot_be_resolved(error: Exception, says: str) -> None:
    trio.socket.set_custom_hostname_resolver(Resolver(error))
    attempt = explain(attempt_at("ws://chat.example/ws"), error)
    assert says in str(attempt)
    async with trio.open_nursery() as nursery:
        with pytest.raises(CannotConnect, match=re.escape(says)):
            await open_websocket(nursery, "ws://chat.example/ws")


def attempt_at(url: str) -> Attempt:
    return Attempt(url, NodeAddress.from_url(url))


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ECONNREFUSED, "nothing listens on port 80 of chat.example"),
        (errno.EHOSTUNREACH, "no way to chat.example"),
        (errno.ENETUNREACH, "no way to chat.example"),
        (errno.ETIMEDOUT, "does not answer on port 80"),
        (errno.EACCES, "forbids"),
        (errno.EMFILE, "Too many open files"),
    ],
)
def test_what_the_system_says_is_explained(number: int, says: str) -> None:
    error = OSError("all attempts to connect failed")
    error.__cause__ = ExceptionGroup("several addresses", [OSError(number, "in its words")])
    assert says in str(explain(attempt_at("ws://chat.example/ws"), error))


def test_an_attempt_that_takes_too_long_is_explained() -> None:
    told = str(explain(attempt_at("ws://chat.example/ws"), trio.TooSlowError()))
    assert told.startswith("ws://chat.example/ws: chat.example does not answer on port 80")


async def test_a_port_where_nothing_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        error = str(await failure(f"ws://127.0.0.1:{port}/ws"))
    assert f"nothing listens on port {port} of 127.0.0.1" in error


@pytest.mark.parametrize(
    "url", ["", "http://a/ws", "ws://", "ws://[", "ws://a:b/", "ws://a\x00b/ws", "ws://x..ä/"]
)
async def test_what_is_no_address_is_refused_in_words(url: str) -> None:
    await failure(url)


async def test_a_frame_that_is_far_too_long_is_not_read_to_its_end() -> None:
    sent = 0

    async def serve(stream: trio.abc.Stream) -> None:
        nonlocal sent
        await stream.send_all(accepting(bytes(await stream.receive_some())))
        await stream.send_all(b"\x81\x7f" + (60_000_000).to_bytes(8, "big"))
        while sent < 60_000_000:
            await stream.send_all(b"x" * 100_000)
            sent += 100_000

    async def hear(event: object) -> None:
        raise AssertionError(event)

    async with server(serve) as port, trio.open_nursery() as nursery:
        connection = await ClientConnection.open(nursery, f"ws://127.0.0.1:{port}/ws")
        with trio.fail_after(PATIENCE):
            closed = await connection.hear(hear)
        assert (closed.code, closed.reason) == (1009, "too much was sent at once")
        await connection.close()
    assert sent < 4 * opening.MAX_FRAME_CHARS
