"""What a connection does with plain HTTP, from its first byte."""

from __future__ import annotations

import json
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NoReturn

import pytest
import structlog
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.server.connection import CLOSE_SECONDS, HEAD_SECONDS
from gateway.server.http.request import MAX_HEAD_BYTES
from gateway.wire.close_codes import DRAINING
from tests.http import Response, request
from tests.unit.gateway.served_connection import not_ready, served_connection


@pytest.mark.parametrize(
    ("path", "status", "content_type", "says"),
    [
        ("/", 200, "text/plain; charset=utf-8", b"chat.v1"),
        ("/healthz", 200, "text/plain; charset=utf-8", b"ok\n"),
        ("/healthz?probe=1", 200, "text/plain; charset=utf-8", b"ok\n"),
        ("/readyz", 200, "application/json", b'{"ready": true}\n'),
        ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", b"chat_connections 0.0\n"),
        ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", b"chat_commands_total 0.0\n"),
        ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", b"_lines_lost_total 0.0\n"),
        ("/nothing", 404, "text/plain; charset=utf-8", b"nothing here"),
        ("/healthz/", 404, "text/plain; charset=utf-8", b"nothing here"),
        ("//", 404, "text/plain; charset=utf-8", b"nothing here"),
        ("/ws", 426, "text/plain; charset=utf-8", b"WebSocket"),
    ],
)
async def test_a_path_is_answered_and_the_connection_ended(
    path: str, status: int, content_type: str, says: bytes
) -> None:
    async with served_connection() as opened:
        response = await opened.request(request(path))
    assert response.status == status
    assert response.headers["content-type"] == content_type
    assert response.headers["content-length"] == str(len(response.body))
    assert response.headers["connection"] == ("close, Upgrade" if status == 426 else "close")
    assert response.headers["cache-control"] == "no-store"
    assert says in response.body


async def test_not_ready_is_a_no_without_a_reason() -> None:
    async with served_connection(not_ready) as opened:
        response = await opened.request(request("/readyz"))
    assert response.status == 503
    assert json.loads(response.body) == {"ready": False}


@pytest.mark.parametrize(("admin_port", "status"), [("0", 200), ("9000", 404)])
async def test_the_metrics_are_on_the_operators_port_where_there_is_one(
    admin_port: str, status: int
) -> None:
    async with served_connection(admin_port=admin_port) as opened:
        assert (await opened.request(request("/metrics"))).status == status


def broken() -> NoReturn:
    raise ZeroDivisionError("a fault of its own")


@pytest.mark.parametrize("path", ["/readyz", "/metrics"])
async def test_a_fault_of_the_nodes_own_is_answered_and_logged(path: str) -> None:
    with structlog.testing.capture_logs() as logs:
        async with served_connection(broken) as opened:
            opened.context.metrics.read_gauges = broken
            response = await opened.request(request(path))
    assert response.status == 500
    assert b"failed" in response.body
    assert b"ZeroDivision" not in response.body
    [line] = logs
    assert (line["event"], line["log_level"]) == ("request failed", "error")


@pytest.mark.parametrize("content", ["", "1", "a b", None])
async def test_where_memory_cannot_be_read_the_other_metrics_are_told(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statm = tmp_path / "statm"
    if content is not None:
        statm.write_text(content)
    monkeypatch.setattr("gateway.observability.metrics.STATM", statm)
    async with served_connection() as opened:
        response = await opened.request(request("/metrics"))
    assert response.status == 200
    assert b"chat_connections " in response.body
    assert b"process_resident_memory_bytes" not in response.body


async def test_alive_though_not_ready() -> None:
    async with served_connection(not_ready) as opened:
        assert (await opened.request(request("/healthz"))).status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/healthz", 200), ("/readyz", 200), ("/ws", 426), ("/nothing", 404)],
)
async def test_head_is_get_without_the_body(path: str, status: int) -> None:
    async with served_connection() as opened:
        whole = await opened.request(request(path))
    async with served_connection() as opened:
        response = await opened.request(request(path, "HEAD"))
    assert (response.status, response.body) == (status, b"")
    assert response.headers | {"date": ""} == whole.headers | {"date": ""}


async def test_a_response_says_when_it_was_made() -> None:
    async with served_connection() as opened:
        response = await opened.request(request("/healthz"))
    assert parsedate_to_datetime(response.headers["date"]).tzinfo is UTC


async def test_head_of_the_metrics_has_no_body_either() -> None:
    async with served_connection() as opened:
        response = await opened.request(request("/metrics", "HEAD"))
    assert (response.status, response.body) == (200, b"")
    assert int(response.headers["content-length"]) > 0


@pytest.mark.parametrize("path", ["/healthz", "/ws"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW", "get"])
async def test_other_methods_are_told_which_ones_work(method: str, path: str) -> None:
    async with served_connection() as opened:
        response = await opened.request(request(path, method))
    assert response.status == 405
    assert response.headers["allow"] == "GET, HEAD"


async def test_the_websocket_endpoint_says_what_it_is() -> None:
    async with served_connection() as opened:
        response = await opened.request(request("/ws"))
    assert response.headers["upgrade"] == "websocket"
    assert response.headers["sec-websocket-version"] == "13"


async def test_a_head_may_come_in_any_pieces() -> None:
    async with served_connection() as opened:
        for byte in request("/healthz"):
            await opened.client.send_all(bytes((byte,)))
            await trio.lowlevel.checkpoint()
        assert Response(await opened.receive_all()).status == 200


def head_of(size: int) -> bytes:
    start, end = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nCookie: ", b"\r\n\r\n"
    return start + b"x" * (size - len(start) - len(end)) + end


async def test_a_head_of_16_kib_is_read() -> None:
    async with served_connection() as opened:
        assert (await opened.request(head_of(MAX_HEAD_BYTES))).status == 200


@pytest.mark.parametrize("size", [5_000, 100_000])
async def test_a_head_over_16_kib_is_refused_though_it_has_no_end(
    mock_clock: MockClock, size: int
) -> None:
    async with served_connection() as opened:
        await opened.client.send_all(head_of(MAX_HEAD_BYTES + size)[:-4])
        response = await opened.client.receive_some(4096)
        assert Response(bytes(response)).status == 431
        await wait_all_tasks_blocked(0.001)
        mock_clock.jump(CLOSE_SECONDS)
        await opened.served.wait()


@pytest.mark.parametrize("data", [b"", b"GET / HT"])
async def test_who_goes_away_before_the_end_of_the_head_is_answered_nothing(data: bytes) -> None:
    async with served_connection() as opened:
        await opened.client.send_all(data)
        await opened.client.send_eof()
        assert await opened.receive_all() == b""


@pytest.mark.parametrize("trickle", [b"", b"x"])
async def test_a_slow_head_is_given_ten_seconds_in_all(
    mock_clock: MockClock, trickle: bytes
) -> None:
    assert HEAD_SECONDS == 10.0
    async with served_connection() as opened:
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
    async with served_connection() as opened:
        await opened.client.send_all(b"GET / HT")
        await wait_all_tasks_blocked(0.001)
        before = mock_clock.current_time()
        opened.connection.close(DRAINING)
        await opened.served.wait()
        assert mock_clock.current_time() == before
