"""Redis fails over: with Sentinel to another server, and to data that are not quite the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
import trio

from client.session import open_session
from tests.cluster.test_redis_away import Listener
from tests.harness import open_cluster, raw_client, until
from tests.redis_server import RedisServer, free_port
from tests.sentinel import sentinel


@asynccontextmanager
async def sentinels(tmp_path: Path) -> AsyncIterator[tuple[str, RedisServer, RedisServer]]:
    """Run a primary, its replica and three sentinels; gives the URL, and the two."""
    ports = free_port(), free_port()
    for port in ports:
        await trio.Path(tmp_path / str(port)).mkdir()
    primary = RedisServer(tmp_path / str(ports[0]), port=ports[0], bind="127.0.0.1")
    replica = RedisServer(
        tmp_path / str(ports[1]), port=ports[1], bind="127.0.0.1",
        replicaof=f"127.0.0.1 {ports[0]}", **{"repl-diskless-sync-delay": 0},
    )  # fmt: skip
    async with primary, replica, AsyncExitStack() as stack:
        places = [
            await stack.enter_async_context(sentinel(tmp_path / f"s{number}", ports[0]))
            for number in range(3)
        ]

        async def in_step() -> bool:
            roles = [primary.ask("ROLE"), replica.ask("ROLE")]
            return bool(len(roles[0][2]) == 1 and roles[1][3] == "connected")

        await until(in_step, "the replica to be in step")
        for port in places:
            await until(partial(_sees_all, port), "the sentinels to know each other")
        hosts = ",".join(f"127.0.0.1:{port}" for port in places)
        yield f"redis+sentinel://{hosts}/chat", primary, replica


def ask_sentinel(port: int, *command: str) -> Any:
    client = redis.Redis(port=port, decode_responses=True)
    try:
        return client.execute_command("SENTINEL", *command)  # type: ignore[no-untyped-call]
    finally:
        client.close()


async def _sees_all(port: int) -> bool:
    try:
        state = ask_sentinel(port, "MASTER", "chat")
    except redis.ConnectionError:
        return False
    return bool(int(state["num-slaves"]) == 1 and int(state["num-other-sentinels"]) == 2)


@pytest.mark.parametrize("gently", [False, True])
async def test_sentinels_say_where_the_primary_is_now(tmp_path: Path, gently: bool) -> None:
    async with (
        sentinels(tmp_path) as (url, primary, replica),
        open_cluster(primary, 0) as cluster,
    ):
        for _ in range(2):
            await (await cluster.add_node(redis=url)).ready()
        async with (
            open_session([cluster.urls[0]], nick="alice") as alice,
            open_session([cluster.urls[1]], nick="bob") as bob,
            trio.open_nursery() as nursery,
        ):
            listener = Listener(bob)
            await alice.join("lobby")
            await bob.join("lobby")
            nursery.start_soon(listener.listen)
            for number in range(1, 21):
                assert await alice.send("lobby", "before") == number
            primary.ask("WAIT", 1, 5000)
            if gently:
                port = int(url.partition("/chat")[0].rpartition(":")[2])
                ask_sentinel(port, "FAILOVER", "chat")
                await until(partial(_is, replica, "master"), "the failover")
                await until(partial(_is, primary, "slave"), "the old primary to follow")
            else:
                assert primary.process is not None
                primary.process.kill()
                await primary.process.wait()
            for number in range(21, 41):
                assert await alice.send("lobby", "after") == number
            assert replica.ask("ROLE")[0] == "master"
            await listener.until_seq(40)
            assert [m.seq for m in listener.messages] == list(range(1, 41))
            assert [m.text for m in listener.messages] == ["before"] * 20 + ["after"] * 20
            assert listener.lost_connections == 0
            for node in cluster.nodes:
                await node.ready()
            nursery.cancel_scope.cancel()


async def _is(server: RedisServer, role: str) -> bool:
    return bool(server.ask("ROLE")[0] == role)


async def test_data_that_went_another_way_are_noticed_though_the_numbers_go_on(
    tmp_path: Path,
) -> None:
    """A node was away while Redis lost messages and others took their places."""
    async with (
        RedisServer(tmp_path, appendonly="no") as redis_server,
        open_cluster(redis_server, 2, redis_timeout=0.5) as cluster,
        raw_client(cluster.urls[0], "alice") as alice,
        raw_client(cluster.urls[1], "bob") as bob,
    ):
        joined = await alice.ask({"type": "join", "room": "lobby", "id": "j"})
        await bob.ask({"type": "join", "room": "lobby", "id": "j"})

        async def say(text: str) -> None:
            command = {"type": "send", "room": "lobby", "text": text, "id": text}
            while (await bob.ask(command))["type"] == "error":
                await trio.sleep(0.05)

        for number in range(1, 6):
            await say(f"kept {number}")
        redis_server.ask("SAVE")
        for number in range(6, 11):
            await say(f"lost {number}")
        while (await alice.hear_type("message"))["seq"] < 10:
            pass
        cluster.nodes[0].pause()
        assert redis_server.process is not None
        redis_server.process.kill()
        await redis_server.process.wait()
        await redis_server.start()
        await cluster.nodes[1].ready()
        for number in range(6, 13):
            await say(f"new {number}")
        cluster.nodes[0].resume()
        notice = await alice.hear_type("notice")
        assert (notice["code"], notice["seq"]) == ("history_lost", 5)
        assert notice["epoch"] != joined["epoch"]
        texts = [(await alice.hear_type("message"))["text"] for _ in range(7)]
        assert texts == [f"new {number}" for number in range(6, 13)]
        # Whoever was away meanwhile learns it, too.
        since = {"epoch": joined["epoch"], "seq": 10}
        again = await alice.ask({"type": "join", "room": "lobby", "since": since, "id": "a"})
        assert again["recovered"] is False
