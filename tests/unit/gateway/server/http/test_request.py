"""The head of a request: what RFC 9110 and 9112 allow, and that all else is refused at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import structlog
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from gateway.server.http.request import MAX_HEAD_BYTES, BadRequest, RequestReader, path_of
from tests.http import Response
from tests.proxy_headers import v1, v2
from tests.unit.gateway.served_connection import ServedConnection, served_connection
from tests.websocket import handshake

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


@asynccontextmanager
async def at_once(mock_clock: MockClock) -> AsyncIterator[ServedConnection]:
    """A served connection; afterwards, no time may have passed: nothing was waited for."""
    async with served_connection() as opened:
        before = mock_clock.current_time()
        yield opened
        assert mock_clock.current_time() == before


async def answer(opened: ServedConnection, data: bytes, mock_clock: MockClock) -> Response:
    """Send this, and nothing more, and receive the answer; time passes once all only wait."""
    await opened.client.send_all(data)
    with trio.move_on_after(1) as patience:
        mock_clock.autojump_threshold = 0.05
        response = Response(await opened.receive_all())
    assert not patience.cancelled_caught, "it waits for more, or for its time to run out"
    return response


@pytest.mark.parametrize(
    "data",
    [
        GET + b"\r\n",
        GET.replace(b"\r", b"") + b"\n",  # a line may end with LF alone: RFC 9112, 2.2
        b"\r\n" + GET + b"\r\n",  # so may an empty line come first
        b"\n" + GET + b"\r\n",
        GET.replace(b"1.1", b"1.0") + b"\r\n",
        b"GET /healthz HTTP/1.0\r\n\r\n",
        b"GET /healthz HTTP/1.0\n\n",
        GET.replace(b"1.1", b"1.9") + b"\r\n",
        GET.replace(b"/healthz", b"/healthz?a=b&c=%20") + b"\r\n",
        GET.replace(b"/healthz", b"http://localhost/healthz") + b"\r\n",
        GET.replace(b"/healthz", b"HTTP://user@other:80/healthz?x") + b"\r\n",
        GET.replace(b"/healthz", b"/%68ealth%7A") + b"\r\n",
        GET + b"Expect: 100-continue\r\n\r\n",
        GET + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        GET + b"Content-Length: 2\r\n\r\nhi",
        GET + b"Content-Length: 2, 2\r\n\r\nhi",
        GET + b"X-Folded: a\r\n b\r\n\r\n",
        GET + b"X: \xe9\r\n\r\n",
        GET.replace(b"localhost", b"") + b"\r\n",
        GET.replace(b"localhost", b"[::1]:8765") + b"\r\n",
        GET + b"\r\n" + GET + b"\r\n",  # the second one is for another connection
        GET + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ],
)  # fmt: skip
async def test_what_the_rfcs_allow_is_answered_at_once(data: bytes, mock_clock: MockClock) -> None:
    async with at_once(mock_clock) as opened:
        response = await answer(opened, data, mock_clock)
    assert (response.status, response.body) == (200, b"ok\n")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
        (GET + b"X : a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
        (GET + b"X: a\0b\r\n\r\n", 400),
        (GET + b": a\r\n\r\n", 400),
        (GET + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (GET + b"Content-Length: -1\r\n\r\n", 400),
        (GET + b"Content-Length: one\r\n\r\n", 400),
        (GET + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (GET.replace(b"/healthz", b"healthz") + b"\r\n", 400),
        (GET.replace(b"/healthz", b"*") + b"\r\n", 400),
        (GET.replace(b"/healthz", b"/#a") + b"\r\n", 400),
        (GET.replace(b"/healthz", b"http://") + b"\r\n", 400),
        (GET.replace(b"/healthz", b"http://a b/") + b"\r\n", 400),
        (GET.replace(b"/healthz", b"/%2Fhealthz") + b"\r\n", 404),
        (GET.replace(b"/healthz", b"/%zz") + b"\r\n", 404),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"GET / HTTP/2.0\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET /" + b"x" * MAX_HEAD_BYTES, 414),
        (GET + b"X: " + b"x" * MAX_HEAD_BYTES, 431),
    ],
)  # fmt: skip
async def test_a_wrong_request_is_refused_at_once(
    data: bytes, status: int, mock_clock: MockClock
) -> None:
    async with at_once(mock_clock) as opened:
        response = await answer(opened, data, mock_clock)
    assert response.status == status
    assert 0 < len(response.body) < 300


CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (CLIENT_HELLO[:1], b"TLS"),
        (CLIENT_HELLO, b"ws://"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", b"SSH"),
        (b"EHLO example.org\r\n", b"SMTP"),
        (b"*1\r\n$4\r\nPING\r\n", b"Redis"),
        (v1("203.0.113.7", 7), b"--trusted-proxies"),
        (v2("203.0.113.7", 7), b"--trusted-proxies"),
        (b"\x81\x85\x01\x02\x03\x04", b"no HTTP"),
        (b"\x03\x00\x00\x13\x0e\xe0", b"no HTTP"),
        (b"\0", b"no HTTP"),
        (b" GET", b"no HTTP"),
        (b"GET /\xd1\x87", b"no HTTP"),
        (b"hello\r\n", b"no HTTP"),
        (b"hello\n", b"no HTTP"),
        (b"\r\n\r\n", b"no HTTP"),
        (b"\rGET", b"no HTTP"),
        (b"GET /ws\r\n", b"no HTTP"),
        (b"GET  / HTTP/1.1\r\n", b"no HTTP"),
        (b"GET / HTTP/1.1 \r\n", b"no HTTP"),
        (b"GET / http/1.1\r\n", b"no HTTP"),
        (b"GET / FTP/1.1\r\n", b"no HTTP"),
    ],
)
async def test_what_is_not_http_is_told_so_at_once_and_logged_in_one_line(
    data: bytes, says: bytes, mock_clock: MockClock
) -> None:
    with structlog.testing.capture_logs() as logs:
        async with at_once(mock_clock) as opened:
            response = await answer(opened, data, mock_clock)
    assert response.status == 400
    assert response.body.startswith(b"Bad request")
    assert says in response.body
    assert opened.context.metrics.counts.not_http == 1
    [line] = logs
    assert (line["event"], line["remote"]) == ("not HTTP", "192.0.2.1:1234")
    assert len(str(line)) < 300


async def test_the_server_as_a_whole_says_which_methods_work(mock_clock: MockClock) -> None:
    for target in (b"*", b"http://localhost"):
        async with at_once(mock_clock) as opened:
            data = b"OPTIONS " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
            response = await answer(opened, data, mock_clock)
        assert (response.status, response.headers["allow"]) == (200, "GET, HEAD")


@pytest.mark.parametrize("data", [b"HEAD / HTTP/2.0\r\n", b"HEAD * HTTP/1.1\r\nHost: a\r\n\r\n",
                                  b"HEAD / HTTP/1.1\r\n\r\n"])  # fmt: skip
async def test_a_wrong_head_request_is_answered_without_a_body(
    data: bytes, mock_clock: MockClock
) -> None:
    async with at_once(mock_clock) as opened:
        response = await answer(opened, data, mock_clock)
    assert (response.status >= 400, response.body) == (True, b"")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (handshake(), 101),
        (handshake(resource="/ws?token=1"), 101),
        (handshake(resource="/%77%73"), 101),
        (handshake(resource="http://localhost/ws"), 101),
        (handshake(resource="ws://localhost:8765/ws"), 101),
        (handshake().replace(b"1.1", b"1.2", 1), 101),
        (handshake().replace(b"Connection: Upgrade", b"Connection: keep-alive, upgrade"), 101),
        (handshake().replace(b"Connection: ", b"Connection: keep-alive\r\nConnection: "), 101),
        (handshake().replace(b"Upgrade: websocket", b"Upgrade: h2c, WebSocket"), 101),
        (handshake().replace(b"Host", b"Sec-WebSocket-Protocol: a\r\nHost"), 101),
        (handshake().replace(b"Host", b"Content-Length: 0\r\nHost"), 101),
        (handshake().replace(b"1.1", b"1.0", 1), 426),  # RFC 9110, 7.8: there, Upgrade is ignored
        (handshake().replace(b"Upgrade: websocket", b"Upgrade: h2c"), 426),
        (handshake().replace(b"Version: 13", b"Version: 8"), 426),
        (handshake().replace(b"Version: 13", b"Version: 13, 8"), 400),
        (handshake().replace(b"Host", b"Sec-WebSocket-Version: 13\r\nHost"), 400),
        (handshake().replace(b"Host", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nHost"), 400),
        (handshake().replace(b"ZQ==", b"ZQ="), 400),
        (handshake().replace(b"Connection: Upgrade", b"Connection: close"), 400),
        (handshake().replace(b"Host", b"Content-Length: 1\r\nHost"), 400),
        (handshake().replace(b"Host", b"Transfer-Encoding: chunked\r\nHost"), 400),
        (handshake().replace(b"GET", b"POST"), 405),
        (handshake(resource="/WS"), 404),
    ],
)  # fmt: skip
async def test_handshakes(head: bytes, status: int) -> None:
    async with served_connection() as opened:
        await opened.client.send_all(head)
        response = Response(bytes(await opened.client.receive_some(4096)))
    assert response.status == status
    if status == 426:
        assert response.headers["upgrade"] == "websocket"
        assert response.headers["connection"] == "close, Upgrade"
        assert response.headers["sec-websocket-version"] == "13"


def read(chunks: list[bytes]) -> tuple[str, bytes] | str:
    """The path of the first request and what comes after its head, or why it is refused."""
    reader = RequestReader()
    taken = 0
    for chunk in chunks:
        taken += len(chunk)
        try:
            if (request := reader.receive(chunk)) is not None:
                return path_of(request), reader.rest + b"".join(chunks)[taken:]
        except BadRequest as error:
            return f"{error.status}"
    return "more"


@given(
    st.one_of(
        st.binary(max_size=60),
        st.binary(max_size=40).map(lambda rest: GET + b"\r\n" + rest),
        st.binary(max_size=40).map(lambda rest: b"GET / HTTP/1.1\r\n" + rest),
        st.sampled_from([handshake(), GET.replace(b"\r", b"") + b"\n", b"\r\n" + GET + b"\r\n"]),
    ),
    st.lists(st.integers(0, 200), max_size=5),
)
def test_a_head_is_read_the_same_however_it_is_cut(data: bytes, places: list[int]) -> None:
    ends = [*sorted(place % (len(data) + 1) for place in places), len(data)]
    pieces = [data[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    assert read(pieces) == read([data]) == read([bytes((byte,)) for byte in data])
