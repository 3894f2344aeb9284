"""The operator's port over a socket: what it answers, and how it refuses."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import trio

from gateway import config
from gateway.backplane import Unavailable
from gateway.backplane.operator import OperatorAccess
from gateway.net.binding import open_listeners
from gateway.node import Node
from gateway.operator.api import MOST_BODY_BYTES
from gateway.operator.port import OperatorPort
from gateway.operator.token import FAILURES_AT_ONCE, OperatorToken
from tests import PATIENCE
from tests.http import Response
from tests.unit.gateway.served_connection import not_ready, ready

TOKEN: Final = "kW3nq0bZ5JtYx1cR8e2Pzu"  # noqa: S105
PATHS: Final = ("who", "kick", "ban", "unban", "bans", "announce")

Ask = Callable[[bytes], Any]


@asynccontextmanager
async def away() -> AsyncIterator[OperatorAccess]:
    """Access to a Redis that is not there."""
    async with trio.open_nursery():
        raise Unavailable("Redis (nowhere) cannot be used: it is away")
    yield  # type: ignore[unreachable]


@asynccontextmanager
async def port(
    folder: Path | None, why_not_ready: Callable[[], str | None] = ready
) -> AsyncIterator[Ask]:
    """Serve the operator's port of a node without Redis; gives what sends bytes to it."""
    node = Node(config.load({"redis": "unix:///nowhere/redis.sock", "admin_port": "1"}, {}))
    context = dataclasses.replace(node.context, why_not_ready=why_not_ready)
    token = None
    if folder is not None:
        (folder / "token").write_text(TOKEN)
        (folder / "token").chmod(0o600)
        token = OperatorToken(str(folder / "token"))
    listeners = await open_listeners("127.0.0.1", 0)

    async def ask(data: bytes) -> Response:
        with trio.fail_after(PATIENCE):
            async with await trio.open_tcp_stream(*listeners[0].getsockname()) as stream:
                await stream.send_all(data)
                await stream.send_eof()
                return Response(b"".join([chunk async for chunk in stream]))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(OperatorPort(context, token, away).serve, listeners)
        yield ask
        nursery.cancel_scope.cancel()


def request(
    target: str, method: str = "GET", body: bytes | None = None, token: str = TOKEN, more: str = ""
) -> bytes:
    length = "" if body is None else f"Content-Length: {len(body)}\r\n"
    allowed = f"Authorization: Bearer {token}\r\n" if token else ""
    head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n{allowed}{length}{more}\r\n"
    return head.encode() + (body or b"")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/", b"operator's port"), ("/healthz", b"ok\n"), ("/readyz", b'{"ready": true}'),
        ("/metrics", b"chat_bans 0.0"),
    ],
)  # fmt: skip
async def test_health_and_metrics_need_no_token(path: str, says: bytes) -> None:
    async with port(None) as ask:
        whole = await ask(request(path, token=""))
        assert (whole.status, says in whole.body) == (200, True)
        head = await ask(request(path, "HEAD", token=""))
        assert (head.status, head.body) == (200, b"")
        other = await ask(request(path, "POST", b"{}", token=""))
        assert (other.status, other.headers["allow"]) == (405, "GET, HEAD")


async def test_the_reason_is_told_here() -> None:
    async with port(None, not_ready) as ask:
        answer = await ask(request("/readyz", token=""))
        assert answer.status == 503
        assert json.loads(answer.body) == {"ready": False, "reason": "Redis does not answer"}


@pytest.mark.parametrize("name", PATHS)
async def test_the_api_wants_the_token(tmp_path: Path, name: str) -> None:
    async with port(None) as ask:
        answer = await ask(request(f"/api/{name}"))
        assert (answer.status, b"--admin-token-file" in answer.body) == (403, True)
    async with port(tmp_path) as ask:
        for wrong in (
            request(f"/api/{name}", token=""),
            request(f"/api/{name}", token=TOKEN[:-1]),
            request(f"/api/{name}").replace(b"Bearer", b"Basic"),
            request(f"/api/{name}", more=f"Authorization: Bearer {TOKEN}\r\n"),
        ):
            answer = await ask(wrong)
            assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert "error" in json.loads(answer.body)


async def test_too_many_wrong_tokens_are_throttled_and_the_right_one_is_not(tmp_path: Path) -> None:
    async with port(tmp_path) as ask:
        wrong = request("/api/bans", token="no")  # noqa: S106
        found = [(await ask(wrong)).status for _ in range(FAILURES_AT_ONCE)]
        assert found == [401] * FAILURES_AT_ONCE
        throttled = await ask(wrong)
        assert throttled.status == 429
        assert int(throttled.headers["retry-after"]) >= 1
        assert (await ask(request("/api/bans"))).status == 503
        metrics = await ask(request("/metrics"))
        assert b"\nchat_admin_refused_total 6.0\n" in metrics.body


@pytest.mark.parametrize("name", PATHS)
async def test_without_redis_it_is_one_line_and_503(tmp_path: Path, name: str) -> None:
    method = "GET" if name in {"who", "bans"} else "POST"
    async with port(tmp_path) as ask:
        answer = await ask(request(f"/api/{name}", method, b"{}"))
        assert answer.status == 503
        text = json.loads(answer.body)["error"]
        assert text == "Redis (nowhere) cannot be used: it is away"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request("/nothing"), 404),
        (request("/api/"), 404),
        (request("/api/nothing"), 404),
        (request("/api/kick"), 405),
        (request("/api/who", "POST", b"{}"), 405),
        (request("/api/kick", "POST", b"x" * (MOST_BODY_BYTES + 1)), 413),
        (request("/api/kick", "POST", more=f"Content-Length: {'9' * 15}\r\n"), 413),
        (request("/api/kick", "POST", more=f"Content-Length: {'9' * 4000}\r\n"), 400),
        (request("/api/kick", "POST", more="Content-Length: -1\r\n"), 400),
        (request("/api/kick", "POST", more="Content-Length: x\r\n"), 400),
        (request("/api/kick", "POST", more="Content-Length: 1\r\nContent-Length: 2\r\n"), 400),
        (request("/api/kick", "POST", more="Content-Length: 10\r\n"), 400),
        (request("/api/kick", "POST", b"{}").replace(b"\r\n\r\n", b"\r\n\r\n{} and more"), 503),
        (request("/api/kick", "POST", more="Transfer-Encoding: chunked\r\n"), 411),
        (request("/api/who", more="Cookie: " + "x" * 20_000 + "\r\n"), 431),
        (b"\x16\x03\x01 TLS", 400),
        (b"nonsense\r\n\r\n", 400),
        (request("http://[/api/who"), 400),
    ],
)
async def test_bad_requests_are_refused_and_the_next_one_answered(
    tmp_path: Path, data: bytes, status: int
) -> None:
    async with port(tmp_path) as ask:
        answer = await ask(data)
        assert answer.status == status, answer.body
        assert (await ask(request("/healthz"))).status == 200


async def test_those_who_say_nothing_do_not_keep_others_out(tmp_path: Path) -> None:
    async with port(tmp_path) as ask:
        for data in (b"", b"GET /he"):
            with pytest.raises(IndexError):  # there is no answer
                await ask(data)
        assert (await ask(request("/healthz"))).status == 200
