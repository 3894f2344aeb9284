"""What the rooms of a cluster may take of Redis, and what is refused before its memory is full."""

from __future__ import annotations

import json
from typing import Final

from tests.cluster.people import one_client, two_clients
from tests.nodes import NodeProcess, open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import WebSocketClient, connect

BALLAST: Final = 32 * 1024 * 1024
"""Bytes that fill Redis: so many that what else is stored in it changes nothing."""


def fill(server: RedisServer, part: float) -> None:
    """Have so much of the memory of Redis be used."""
    server.ask("CONFIG", "SET", "maxmemory", 0)
    server.ask("SET", "ballast", b"x" * BALLAST)
    used = int(server.ask("INFO", "memory")["used_memory"])
    server.ask("CONFIG", "SET", "maxmemory", round(used / part))


async def shortage(node: NodeProcess, degree: int) -> None:
    """Wait until a node knows how short Redis is of memory."""

    async def known() -> bool:
        return await node.metric("chat_redis_shortage") == degree

    await until(known, f"shortage {degree}")


async def say(client: WebSocketClient, room: str, text: str) -> str:
    answer = await client.ask({"type": "send", "room": room, "text": text, "id": text})
    return str(answer.get("code", answer["type"]))


async def test_what_is_least_needed_is_refused_first(redis_server: RedisServer) -> None:
    async with two_clients(redis_server, room="lobby") as (cluster, alice, bob):
        node = cluster.nodes[0]
        await alice.join("cafe")

        fill(redis_server, 0.85)
        await shortage(node, 1)
        refused = await alice.join("new")
        assert (refused["code"], refused["retry_after"]) == ("unavailable", 30)
        assert redis_server.ask("EXISTS", "chat:{room:new}:meta") == 0
        assert (await bob.join("cafe"))["type"] == "ok", "it exists"
        async with connect(node.url, "Carol") as carol:
            assert (await carol.join("lobby"))["type"] == "ok"

        fill(redis_server, 0.925)
        await shortage(node, 2)
        async with connect(node.url) as dave:
            assert (await dave.ask({"type": "hello", "nick": "Dave", "id": "h"}))["code"] == (
                "unavailable"
            )
        assert redis_server.ask("HEXISTS", "chat:{nicks}", "dave") == 0
        assert await say(alice, "cafe", "one") == "ok"

        fill(redis_server, 0.975)
        await shortage(node, 3)
        assert await say(alice, "cafe", "two") == "unavailable"
        direct = {"type": "direct", "to": "Bob", "text": "psst", "id": "d"}
        assert (await alice.ask(direct))["code"] == "unavailable"
        assert await say(alice, "lobby", "three") == "ok", "it is registered"

        redis_server.ask("CONFIG", "SET", "maxmemory", 0)
        await shortage(node, 0)
        assert (await alice.join("new"))["type"] == "ok"
        assert await say(alice, "cafe", "two") == "ok"


async def test_the_operator_is_warned_while_the_node_is_ready(redis_server: RedisServer) -> None:
    async with one_client(redis_server) as (node, _):
        fill(redis_server, 0.85)
        await shortage(node, 1)
        status, told = await node.get_as_operator("/readyz")
        warning = "85 % of the memory of Redis is used: new rooms are refused"
        assert (status, json.loads(told)) == (200, {"ready": True, "warning": warning})
        assert json.loads((await node.get("/readyz"))[1]) == {"ready": True}
        assert await node.metric("chat_redis_memory_limit_bytes") > BALLAST
        logged = [line for line in node.log if line["event"] == "redis is short of memory"]
        assert [line["problem"] for line in logged] == [warning]


async def test_no_more_rooms_are_made_than_may_exist(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 2, total_rooms=3) as cluster:
        first, second = cluster.nodes
        async with connect(first.url, "Alice") as alice, connect(second.url, "Bob") as bob:
            for room in ("one", "two"):
                assert (await alice.join(room))["type"] == "ok"
            assert (await bob.join("three"))["type"] == "ok"
            assert (await bob.join("four"))["code"] == "no_new_rooms"
            assert (await bob.join("lobby"))["type"] == "ok", "the lobby always exists"
            assert (await bob.join("one"))["type"] == "ok", "it exists"
            for client, room in ((bob, "lobby"), (bob, "three")):
                assert (await client.ask({"type": "leave", "room": room, "id": room}))[
                    "type"
                ] == "ok"
            assert (await alice.join("four"))["type"] == "ok"
