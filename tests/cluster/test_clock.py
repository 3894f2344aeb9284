"""The wall clocks of Redis and of nodes jump, and nothing is lost by it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.people import two_clients
from tests.movable_clock import DAY, HOUR, MovableClock
from tests.nodes import open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import connect

JUMPS = pytest.mark.parametrize("jump", [2 * HOUR, 8 * DAY, -8 * DAY])


@pytest.fixture
async def clock(tmp_path: Path) -> MovableClock:
    clock = MovableClock(tmp_path)
    await clock.build()
    return clock


@pytest.fixture
async def redis_server(tmp_path: Path, clock: MovableClock) -> AsyncIterator[RedisServer]:
    async with RedisServer(tmp_path, clock) as server:
        yield server


def message(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "text": kind, "id": kind} | fields


@JUMPS
async def test_what_was_sent_to_somebody_who_is_away_is_there_whatever_the_clock_of_redis_does(
    redis_server: RedisServer, clock: MovableClock, jump: float
) -> None:
    async with (
        open_cluster(redis_server, 2, grace_seconds=600) as cluster,
        connect(cluster.urls[0], "alice") as alice,
        connect(cluster.urls[0]) as again,
    ):
        assert (await alice.join())["type"] == "ok"
        async with connect(cluster.urls[1]) as bob:
            secret = (await bob.ask({"type": "hello", "nick": "bob"}))["session"]
            joined = await bob.join()
            await until(partial(alice.lists, "alice", "bob"), "bob to be listed")
            await bob.break_off()
        assert (await alice.ask(message("direct", to="bob")))["type"] == "ok"
        assert (await alice.ask(message("send", room="lobby")))["type"] == "ok"
        clock.move(jump)
        assert await alice.members() == {"alice", "bob"}
        back = await again.ask({"type": "hello", "resume": secret, "id": "h"})
        assert (back["resumed"], back["recovered"]) == (True, True)
        assert [direct["text"] for direct in back["directs"]] == ["direct"]
        since = {"epoch": joined["epoch"], "seq": joined["seq"]}
        lobby = await again.join(since=since)
        assert lobby["recovered"] is True
        assert [missed["text"] for missed in lobby["messages"]] == ["send"]


@JUMPS
async def test_a_conversation_goes_on_whatever_the_clock_of_redis_does(
    redis_server: RedisServer, clock: MovableClock, jump: float
) -> None:
    async with two_clients(redis_server, room="lobby") as (cluster, alice, bob):
        for number in range(4):
            sent = message("send", room="lobby", id=f"r{number}")
            assert (await alice.ask(sent))["seq"] == number + 1
            sent = message("direct", to="bob", id=f"d{number}")
            assert (await alice.ask(sent))["seq"] == number + 1
            clock.move(jump if number % 2 else -jump)
        assert [(await bob.hear_type("message"))["seq"] for _ in range(4)] == [1, 2, 3, 4]
        await until(partial(alice.lists, "alice", "bob"), "both to be listed")
        assert not any(node.errors for node in cluster.nodes)


@JUMPS
async def test_a_node_whose_own_clock_is_wrong_serves_as_the_others_do(
    tmp_path: Path, redis_server: RedisServer, jump: float
) -> None:
    own = tmp_path / "node"
    own.mkdir()
    clock = MovableClock(own)
    await clock.build()
    clock.move(jump)
    async with open_cluster(redis_server, 1, grace_seconds=600) as cluster:
        node = await cluster.add_node("env", *(f"{k}={v}" for k, v in clock.environment.items()))
        await node.ready()
        async with connect(node.url, "bob") as bob, connect(cluster.urls[0], "alice") as alice:
            for client in (alice, bob):
                assert (await client.join())["type"] == "ok"
            assert (await alice.ask(message("send", room="lobby")))["type"] == "ok"
            at = (await bob.hear_type("message"))["at"]
            seconds, _ = redis_server.ask("TIME")
            assert abs(at / 1000 - int(seconds)) < HOUR / 2, "it is told by the clock of Redis"
            clock.move(-2 * jump)
            assert (await alice.ask(message("direct", to="bob")))["type"] == "ok"
            assert (await bob.hear_type("direct"))["text"] == "direct"
            await until(partial(alice.lists, "alice", "bob"), "both to be listed")
