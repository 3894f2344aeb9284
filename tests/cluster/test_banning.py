"""Kicks and bans, as those meet them who are kicked and banned, on any node."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import pytest
import trio

from client.session import CommandError, Ended, open_session
from gateway.wire.close_codes import BANNED, KICKED
from tests import PATIENCE
from tests.cluster.people import two_clients
from tests.nodes import Cluster, administer, open_cluster
from tests.proxy_headers import v1
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import WebSocketClient, connect, handshake

MALLORY: Final = "192.0.2.7"
FOLDED: Final = "rnallory"
"""What the nickname mallory is listed as among the bans."""


async def admin(redis_server: RedisServer, *arguments: str) -> str:
    """Run an operator's command that succeeds; return what it prints."""
    done = await administer(*arguments, redis=redis_server.url)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


async def listed(redis_server: RedisServer, *arguments: str) -> list[list[str]]:
    """Return the rows that a command prints."""
    rows = (await admin(redis_server, *arguments)).splitlines()
    return [row.split("\t") for row in rows]


@asynccontextmanager
async def from_address(
    cluster: Cluster, host: str, node: int = 0
) -> AsyncIterator[WebSocketClient]:
    """Connect to a node as a trusted proxy does for a client with this address."""
    port = cluster.nodes[node].port
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(v1(host, 1234) + handshake())
        client = WebSocketClient(stream)
        await client.receive_until(b"\r\n\r\n")
        yield client


async def hello(client: WebSocketClient, **fields: Any) -> dict[str, Any]:
    return await client.ask({"type": "hello", "id": "h"} | fields)


async def refused(client: WebSocketClient, **fields: Any) -> dict[str, Any]:
    """Say hello, and be refused and closed; return the error."""
    error = await hello(client, **fields)
    while error.get("code") == "unavailable":  # the node is not connected to Redis yet
        error = await hello(client, **fields)
    assert (error["type"], error["id"]) == ("error", "h")
    assert await client.closed() == BANNED.code
    return error


def is_free(redis_server: RedisServer, nick: str) -> bool:
    return not redis_server.ask("HEXISTS", "chat:{nicks}", nick)


async def test_a_kicked_session_is_over_and_its_room_knows(redis_server: RedisServer) -> None:
    async with two_clients(redis_server, room="lobby") as (cluster, alice, bob):
        [row] = await listed(redis_server, "who", "nick:BOB")
        assert (row[0], row[4:]) == ("bob", ["connected", "1"])
        assert row[3].startswith("127.0.0.1:")
        said = await admin(redis_server, "kick", f"session:{row[1]}", "--reason", "spam")
        assert said == "kicked\nsessions ended: 1, by 2 nodes\n"
        notice = await bob.hear_type("notice")
        assert (notice["code"], notice["reason"]) == ("kicked", "spam")
        assert await bob.closed() == KICKED.code
        await until(partial(alice.lists, "alice"), "bob to leave")
        await until(partial(is_free, redis_server, "bob"), "the nickname to be free")
        assert await cluster.nodes[1].metric("chat_sessions_kicked_total") == 1
        async with connect(cluster.urls[0], "bob"):
            pass  # a kick keeps nobody out


@pytest.mark.parametrize("kind", ["nick", "session", "address"])
async def test_a_ban_ends_a_session_and_keeps_it_out_on_every_node(
    redis_server: RedisServer, kind: str
) -> None:
    async with open_cluster(redis_server, 2, trusted_proxies="127.0.0.1") as cluster:
        async with (
            from_address(cluster, MALLORY) as mallory,
            from_address(cluster, "198.51.100.1", 1) as alice,
        ):
            secret = (await hello(mallory, nick="Mallory"))["session"]
            await hello(alice, nick="alice")
            [row] = await listed(redis_server, "who", "address:192.0.2.0/24")
            whom = {"nick": "mallory", "session": row[1], "address": "192.0.2.0/24"}[kind]
            terms = ("--reason", "spam", "--for", "1h")
            said = await admin(redis_server, "ban", f"{kind}:{whom}", *terms)
            assert said.endswith("\nsessions ended: 1, by 2 nodes\n")
            notice = await mallory.hear_type("notice")
            assert (notice["code"], notice["reason"]) == ("banned", "spam")
            assert await mallory.closed() == BANNED.code
            assert (await alice.ask({"type": "ping", "id": "p"}))["type"] == "ok"
        fields = {
            "nick": {"nick": "MALLORY"},
            "session": {"resume": secret},
            "address": {"nick": "m2"},
        }
        for node in (0, 1):
            async with from_address(cluster, MALLORY, node) as again:
                error = await refused(again, **fields[kind])
                assert error["code"] == ("nick_banned" if kind == "nick" else "banned")
                assert (error["reason"], error["until"]) == ("spam", notice["until"])
        assert await cluster.nodes[1].metric("chat_banned_refused_total") == 1
        await admin(redis_server, "unban", f"{kind}:{whom}")
        async with from_address(cluster, MALLORY, 1) as again:
            assert (await hello(again, nick="mallory"))["type"] == "welcome"


@pytest.mark.parametrize("kind", ["nick", "session", "address"])
async def test_a_parked_session_is_released_and_cannot_be_resumed(
    redis_server: RedisServer, kind: str
) -> None:
    async with open_cluster(
        redis_server, 2, trusted_proxies="127.0.0.1", grace_seconds=600
    ) as cluster:
        async with from_address(cluster, MALLORY) as mallory:
            secret = (await hello(mallory, nick="mallory"))["session"]
            await mallory.break_off()

        async def is_parked() -> bool:
            return [row[4] for row in await listed(redis_server, "who")] == ["parked"]

        await until(is_parked, "the session to be parked")
        [row] = await listed(redis_server, "who")
        assert row[3].startswith(MALLORY), "where it was connected from"
        whom = {"nick": "mallory", "session": row[1], "address": MALLORY}[kind]
        said = await admin(redis_server, "ban", f"{kind}:{whom}")
        key = {"nick": whom, "session": whom, "address": f"{whom}/32"}[kind]
        ended = "sessions ended: 1, by 2 nodes"
        assert said == f"banned {kind}:{key} without an end\n{ended}\n"
        await until(partial(is_free, redis_server, "mallory"), "the nickname to be free")
        assert await listed(redis_server, "who") == []
        async with from_address(cluster, "198.51.100.9", 1) as elsewhere:
            answer = await hello(elsewhere, resume=secret)
            assert answer["code"] == ("banned" if kind == "session" else "unauthorized")


async def test_a_session_whose_node_died_is_kept_out_by_its_nickname(
    redis_server: RedisServer,
) -> None:
    async with open_cluster(redis_server, 2, grace_seconds=600) as cluster:
        async with connect(cluster.urls[0]) as mallory:
            secret = (await hello(mallory, nick="mallory"))["session"]
            await cluster.nodes[0].kill()
        await admin(redis_server, "ban", "nick:mallory")
        async with connect(cluster.urls[1]) as again:
            assert (await refused(again, resume=secret))["code"] == "nick_banned"
        await until(partial(is_free, redis_server, "mallory"), "the nickname to be free")


async def test_nobody_renames_to_a_banned_nickname(redis_server: RedisServer) -> None:
    async with two_clients(redis_server) as (_, alice, _bob):
        await admin(redis_server, "ban", "nick:mallory", "--reason", "taken")
        error = await alice.ask({"type": "nick", "nick": "Mallory", "id": "n"})
        assert (error["code"], error["reason"]) == ("nick_banned", "taken")
        assert (await alice.ask({"type": "ping", "id": "p"}))["type"] == "ok"


async def test_a_ban_that_ends_lets_in_again(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 1) as cluster:
        await admin(redis_server, "ban", "nick:mallory", "--for", "3s")
        async with connect(cluster.urls[0]) as client:
            assert (await refused(client, nick="mallory"))["code"] == "nick_banned"

        async def is_let_in() -> bool:
            async with connect(cluster.urls[0]) as client:
                return bool((await hello(client, nick="mallory"))["type"] == "welcome")

        await until(is_let_in, "the end of the ban")
        assert await listed(redis_server, "bans") == []


async def test_bans_outlive_the_nodes_and_hold_while_redis_is_away(
    redis_server: RedisServer,
) -> None:
    async with open_cluster(redis_server, 1) as cluster:
        await admin(redis_server, "ban", "nick:mallory")
        await cluster.nodes[0].stop()
        node = await cluster.add_node()
        async with connect(node.url) as client:  # whether it is ready or not
            assert (await refused(client, nick="mallory"))["code"] == "nick_banned"
        await redis_server.stop()
        async with connect(node.url) as client:
            assert (await refused(client, nick="mallory"))["code"] == "nick_banned"
        await redis_server.start()
        await node.ready()
        async with connect(node.url) as client:
            assert (await refused(client, nick="mallory"))["code"] == "nick_banned"


async def test_a_node_that_was_not_told_finds_out_by_itself(redis_server: RedisServer) -> None:
    """As one that is cut off, or whose subscription was lost."""
    async with (
        open_cluster(redis_server, 1) as cluster,
        connect(cluster.urls[0], "mallory") as bare,
    ):
        ban = {"target": {"kind": "nick", "key": FOLDED}, "reason": "spam"}
        redis_server.ask("HSET", "chat:{bans}", f"nick:{FOLDED}", json.dumps(ban))
        redis_server.ask("SET", "chat:{bans}:version", "another")
        assert (await bare.hear_type("notice"))["reason"] == "spam"
        assert await bare.closed() == BANNED.code


async def test_spoilt_bans_stop_nobody(redis_server: RedisServer) -> None:
    redis_server.ask("SET", "chat:{bans}", "spoilt")
    async with open_cluster(redis_server, 1) as cluster:
        await cluster.nodes[0].logged("bans cannot be read")
        async with connect(cluster.urls[0], "alice"):
            done = await administer("bans", redis=redis_server.url)
            assert (done.returncode, done.stderr.count("\n")) == (1, 1)
            assert "WRONGTYPE" in done.stderr


async def test_an_announcement_reaches_everybody(redis_server: RedisServer) -> None:
    async with two_clients(redis_server) as (_, alice, bob):
        assert await admin(redis_server, "announce", "At noon\nwe go down") == "clients told: 2\n"
        for client in (alice, bob):
            notice = await client.hear_type("notice")
            assert (notice["code"], notice["message"]) == ("announcement", "At noon\nwe go down")


async def test_the_client_library_says_why_and_stays_away(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 2) as cluster,
        open_session(cluster.urls, nick="mallory") as session,
    ):
        await admin(redis_server, "ban", "nick:mallory", "--reason", "spam")
        with trio.fail_after(PATIENCE):
            events = [event async for event in session.events]
        assert events[-1] == Ended("an operator has banned you: spam")
        with pytest.raises(CommandError, match="The nickname mallory is banned: spam"):
            async with open_session(cluster.urls, nick="mallory"):
                raise AssertionError("let in")


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (["ban", "nick:m", "--for", "1h"], 2, "'m': A nickname has 2 to 32"),
        (["ban", "nick:mallory", "--for", "soon"], 2, "'soon' is no duration"),
        (["ban", "nick:mallory", "--for", "0s"], 2, "'0s' is no duration"),
        (["ban", "nick:mallory", "--for", "99999d"], 2, "a ban lasts 3650 days at most"),
        (["ban", "nick:mallory", "--until", "2020-01-01"], 2, "2020-01-01 is in the past"),
        (["ban", "nick:mallory", "--until", "soon"], 2, "'soon' is no time"),
        (["ban", "nick:mallory", "--for", "1h", "--until", "2099-01-01"], 2, "give either"),
        (["ban", "nick:mallory", "--reason", "a\nb"], 2, "the reason has control characters"),
        (["ban", "nick:mallory", "--reason", "x" * 301], 2, "the reason has more than 300"),
        (["ban", "address:192.0.2.7/24"], 2, "'192.0.2.7/24' is an address in a network"),
        (["ban", "host:here"], 2, "'host:here' names nobody: write nick:"),
        (["ban", "mallory"], 2, "'mallory' names nobody"),
        (["ban", "nick"], 2, "'nick' names nobody"),
        (["kick", "session:no such one"], 2, "'no such one' is no session's id"),
        (["unban", "nick:mallory"], 2, "there is no ban of nick:mallory"),
        (["who", "--limit", "0"], 2, "--limit: '0' is no whole number"),
        (["announce", " "], 2, "the announcement is empty"),
        (["announce", "x" * 2001], 2, "the announcement has more than 2000 bytes"),
    ],
)
async def test_wrong_usage_is_one_line_and_changes_nothing(
    redis_server: RedisServer, arguments: list[str], status: int, complaint: str
) -> None:
    done = await administer(*arguments, redis=redis_server.url)
    assert done.returncode == status, done
    assert done.stderr.startswith(f"chat-gateway: {complaint}"), done.stderr
    assert (done.stderr.count("\n"), done.stdout) == (1, "")
    assert redis_server.ask("EXISTS", "chat:{bans}") == 0
