"""The operator's port of a node: the HTTP API, the token, and what left the public port."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest
import trio

from gateway.wire.close_codes import BANNED, KICKED
from tests.cluster.people import two_clients
from tests.http import Response
from tests.nodes import NodeProcess, administer, open_cluster
from tests.ports import free_port
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import connect

TOKEN: Final = "kW3nq0bZ5JtYx1cR8e2Pzu"  # noqa: S105


@pytest.fixture
def token(tmp_path: Path) -> Path:
    """The file with the token."""
    return write(tmp_path / "token", TOKEN)


def write(path: Path, token: str, mode: int = 0o600) -> Path:
    """Write a token to a file."""
    path.write_text(token)
    path.chmod(mode)
    return path


async def api(node: NodeProcess, name: str, *, token: str = TOKEN, **body: str) -> dict[str, Any]:
    """Ask a node's HTTP API; return its answer, with its status."""
    sent = json.dumps(body).encode() if body else b""
    method = "POST" if body else "GET"
    head = (
        f"{method} /api/{name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(sent)}\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    )
    async with await trio.open_tcp_stream("127.0.0.1", node.admin_port) as stream:
        await stream.send_all(head.encode() + sent)
        response = Response(b"".join([chunk async for chunk in stream]))
    answer: dict[str, Any] = json.loads(response.body)
    return answer | {"status": response.status}


async def listed(redis_server: RedisServer, *arguments: str) -> list[list[str]]:
    """Return the rows that an operator's command prints."""
    done = await administer(*arguments, redis=redis_server.url)
    assert (done.returncode, done.stderr) == (0, "")
    return [row.split("\t") for row in done.stdout.splitlines()]


async def test_who_lists_all_nodes_in_order_page_by_page(
    redis_server: RedisServer, token: Path
) -> None:
    nicks = [f"nick{number}" for number in range(7)]
    async with (
        open_cluster(redis_server, 2, admin_token_file=token) as cluster,
        AsyncExitStack() as clients,
    ):
        for number, nick in enumerate(nicks):
            await clients.enter_async_context(connect(cluster.urls[number % 2], nick))
        assert [row[0] for row in await listed(redis_server, "who")] == nicks
        shown = await listed(redis_server, "who", "--limit", "5")
        assert shown[5:] == [["warning: there are more: give a larger --limit"]]
        found: list[str] = []
        place = ""
        while len(found) < len(nicks):
            node = cluster.nodes[len(found) % 2]
            page = await api(node, f"who?limit=3&after={quote(place)}")
            found += [session["nick"] for session in page["sessions"]]
            place = page["next"] or ""
        assert (found, place) == (nicks, "")


async def test_the_http_api_does_what_the_command_line_does(
    redis_server: RedisServer, token: Path
) -> None:
    async with two_clients(redis_server, admin_token_file=token) as (cluster, alice, bob):
        ask = partial(api, cluster.nodes[0])
        done = {"status": 200, "count": 1, "nodes": 2}
        assert await ask("announce", text="hi") == done | {"count": 2}
        assert (await alice.hear_type("notice"))["message"] == "hi"
        assert await ask("kick", nick="alice", reason="spam") == done
        assert await alice.closed() == KICKED.code
        assert await ask("ban", nick="bob", **{"for": "1h"}, reason="spam") == done
        assert await bob.closed() == BANNED.code
        [ban] = (await ask("bans"))["bans"]
        assert (ban["nick"], ban["reason"]) == ("bob", "spam")
        [row] = await listed(redis_server, "bans")
        assert row == ["nick:bob", ban["until"], ban["made"], "spam"]
        assert await ask("unban", nick="bob") == done | {"count": 0}
        assert (await ask("unban", nick="bob"))["status"] == 404
        for name, body in (
            ("ban", {"nick": "m"}), ("ban", {"nick": "mallory", "until": "2020-01-01"}),
            ("ban", {"address": "192.0.2.7/24"}), ("ban", {"nick": "a1", "session": "s"}),
            ("kick", {"reason": "nobody"}), ("kick", {"nick": "mallory", "why": "x"}),
            ("announce", {"text": " "}), ("announce", {"text": "\x1b[2J"}),
        ):  # fmt: skip
            assert (await ask(name, **body))["status"] == 400, (name, body)
        for query in ("limit=0", "limit=x", "after=a+b+c", "nick=m", "colour=red", "%ff", "a"):
            assert (await ask(f"who?{query}"))["status"] == 400, query
        assert await listed(redis_server, "bans") == []


async def test_the_public_port_says_yes_or_no_and_the_operators_why(
    redis_server: RedisServer,
) -> None:
    async with open_cluster(redis_server, 1) as cluster:
        node = cluster.nodes[0]
        assert await node.get("/readyz") == (200, '{"ready": true}\n')
        assert (await node.get("/metrics"))[0] == 404
        await redis_server.stop()
        status, body = await node.not_ready()
        assert (status, "Redis does not answer" in json.loads(body)["reason"]) == (503, True)
        assert await node.get("/readyz") == (503, '{"ready": false}\n')
        await node.logged("not ready")
        _, metrics = await node.get_as_operator("/metrics")
        assert '\nchat_not_ready{reason="Redis does not answer' in metrics
        await redis_server.start()
        await node.ready()
        assert "\nchat_not_ready{" not in (await node.get_as_operator("/metrics"))[1]


async def test_without_an_operators_port_the_metrics_are_where_they_were(
    redis_server: RedisServer,
) -> None:
    async with open_cluster(redis_server, 1, admin_port=0) as cluster:
        assert await cluster.nodes[0].metric("chat_ready") == 1


async def test_another_token_is_read_on_sighup(redis_server: RedisServer, token: Path) -> None:
    async with open_cluster(redis_server, 1, admin_token_file=token) as cluster:
        node = cluster.nodes[0]
        write(token, "short")
        node.process.send_signal(signal.SIGHUP)
        await node.logged("the operator's token stays as it was")
        assert (await api(node, "bans"))["status"] == 200
        write(token, TOKEN[::-1])
        node.process.send_signal(signal.SIGHUP)

        async def is_taken() -> bool:
            return bool((await api(node, "bans", token=TOKEN[::-1]))["status"] == 200)

        await until(is_taken, "the new token to be taken")
        assert (await api(node, "bans"))["status"] == 401


@pytest.mark.parametrize(
    ("mode", "settings", "says"),
    [
        (0o644, {}, "--admin-token-file (CHAT_ADMIN_TOKEN_FILE): others may read or change"),
        (0o600, {"admin-port": "0"}, "it means something only with --admin-port"),
        (0o600, {"admin-token-file": "nowhere"}, "cannot read 'nowhere'"),
        (0o600, {"admin-host": "192.0.2.1"}, "--admin-host (CHAT_ADMIN_HOST): this machine has no"),
        (0o600, {"admin-port": "x"}, "--admin-port: 'x' is not a whole number"),
    ],
)
async def test_wrong_settings_are_one_line_and_status_2(
    redis_server: RedisServer, token: Path, mode: int, settings: dict[str, str], says: str
) -> None:
    write(token, TOKEN, mode)
    flags = {
        "redis": redis_server.url, "port": "0", "admin-port": str(free_port()),
        "admin-token-file": str(token),
    } | settings  # fmt: skip
    done = await trio.run_process(
        [sys.executable, "-m", "gateway", "serve", "--log-level", "error"]
        + [part for name, value in flags.items() for part in (f"--{name}", value)],
        capture_stderr=True,
        check=False,
    )
    complaint = done.stderr.decode()
    assert (done.returncode, complaint.count("\n")) == (2, 1), complaint
    assert says in complaint
    assert TOKEN not in complaint


async def test_two_nodes_cannot_have_one_operators_port(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 1) as cluster:
        port = cluster.nodes[0].admin_port
        done = await trio.run_process(
            [
                sys.executable, "-m", "gateway", "serve", "--redis", redis_server.url,
                "--port", "0", "--admin-port", str(port), "--log-level", "error",
            ],
            capture_stderr=True,
            check=False,
        )  # fmt: skip
        said = done.stderr.decode()
        assert (done.returncode, said.count("\n")) == (2, 1)
        assert said.startswith(f"chat-gateway: --admin-port (CHAT_ADMIN_PORT): {port} is taken")
