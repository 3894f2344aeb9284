"""Redis fails over: with Sentinel to another server, and to data that are not quite the same."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.cluster.people import in_the_lobby
from tests.faults.system.proxy import Proxy
from tests.nodes import Cluster, NodeProcess, open_cluster
from tests.redis_server import RedisServer
from tests.sentinels import open_group
from tests.waiting import until
from tests.websocket import WebSocketClient, connect


@pytest.mark.parametrize("gently", [False, True])
async def test_sentinels_say_where_the_primary_is_now(tmp_path: Path, gently: bool) -> None:
    async with open_group(tmp_path) as group, open_cluster(group.primary, 0) as cluster:
        hosts = ",".join(f"127.0.0.1:{port}" for port in group.sentinels)
        for _ in range(2):
            await (await cluster.add_node(redis=f"redis+sentinel://{hosts}/chat")).ready()
        async with in_the_lobby(cluster, "alice", "bob") as (alice, bob):
            for number in range(1, 21):
                assert await alice.session.send("lobby", "before") == number
            if gently:
                await group.hand_over()
                await group.settled()
            else:
                await group.in_step()
                await group.lose_primary()
            for number in range(21, 41):
                assert await alice.session.send("lobby", "after") == number
            await bob.until_seq(40)
            assert [m.seq for m in bob.messages] == list(range(1, 41))
            assert [m.text for m in bob.messages] == ["before"] * 20 + ["after"] * 20
            assert bob.lost_connections == 0
            for node in cluster.nodes:
                await node.ready()


async def test_a_primary_that_does_not_step_down_is_left(tmp_path: Path) -> None:
    """It takes writes as before, and whoever wrote to it now would lose them."""
    async with open_group(tmp_path) as group, open_cluster(group.primary, 0) as cluster:
        hosts = ",".join(f"127.0.0.1:{port}" for port in group.sentinels)
        node = await cluster.add_node(redis=f"redis+sentinel://{hosts}/chat")
        await node.ready()
        async with connect(node.url, "alice") as alice:
            await alice.join()
            old, new = group.primary, group.replica
            with group.no_demotion():
                await group.fail_over()
                moved = await node.logged("the primary has moved")
                for number in range(20):
                    await say(alice, f"after {number}")
                assert old.ask("ROLE")[0] == "master"
                assert texts(new) == [f"after {number}" for number in range(20)]
                assert texts(old) == []
        assert (moved["old"], moved["new"]) == (f"127.0.0.1:{old.port}", f"127.0.0.1:{new.port}")
        assert [line["event"] for line in node.log].count("the primary has moved") == 1


def texts(server: RedisServer) -> list[str]:
    """Everything that was said in the lobby, as one server has it."""
    log = server.ask("XRANGE", "chat:{room:lobby}:log", "-", "+")
    return [json.loads(entry["m"])["text"] for _, entry in log]


async def test_a_subscription_does_not_stay_with_the_old_primary(tmp_path: Path) -> None:
    async with (
        open_group(tmp_path) as group,
        open_cluster(group.primary, 0) as cluster,
    ):
        hosts = ",".join(f"127.0.0.1:{port}" for port in group.sentinels)
        node = await cluster.add_node(redis=f"redis+sentinel://{hosts}/chat", probe_seconds=0)
        await node.ready()
        async with connect(node.url, "alice") as alice:
            await alice.join()
            await group.hand_over()
            await group.settled()
            group.cut_replication()  # what comes by way of the old primary comes no more
            assert (await say(alice, "hello", until_it_is="message"))["text"] == "hello"


async def say(client: WebSocketClient, text: str, *, until_it_is: str = "ok") -> dict[str, Any]:
    """Say something in the lobby, as often as it takes; gives the frame of this type."""
    command = {"type": "send", "room": "lobby", "text": text, "id": text}
    await client.say(command)
    while (frame := await client.hear_type(until_it_is, "error"))["type"] == "error":
        await trio.sleep(0.05)
        await client.say(command)
    return frame


async def test_what_was_acknowledged_and_never_heard_is_not_lost_in_silence(tmp_path: Path) -> None:
    """Its node's subscription had gone deaf before; then Redis forgot it."""
    async with (
        RedisServer(tmp_path, appendonly="no") as redis_server,
        open_cluster(redis_server, 0) as cluster,
        node_to_deafen(redis_server, cluster) as (node, proxy),
        connect(node.url, "alice") as alice,
    ):
        await alice.join()
        await say(alice, "kept")
        redis_server.ask("SAVE")
        assert proxy.silence() == 1
        await say(alice, "lost")
        await redis_server.crash()
        assert (await alice.hear_type("notice"))["code"] == "history_lost"


async def test_whoever_saw_more_than_a_node_that_is_behind_misses_nothing_there(
    redis_server: RedisServer,
) -> None:
    async with (
        open_cluster(redis_server, 1) as cluster,
        node_to_deafen(redis_server, cluster) as (behind, proxy),
        connect(cluster.urls[0], "alice") as alice,
        connect(behind.url, "bob") as bob,
    ):
        epoch = (await alice.join())["epoch"]
        await bob.join()
        assert proxy.silence() == 1
        for number in range(1, 6):
            await say(alice, str(number))
        since = {"epoch": epoch, "seq": 4}
        async with connect(behind.url, "carol") as carol:
            again = await carol.join(since=since)
        assert again["recovered"] is True
        assert [message["seq"] for message in again["messages"]] == [5]


@asynccontextmanager
async def node_to_deafen(
    redis_server: RedisServer, cluster: Cluster
) -> AsyncIterator[tuple[NodeProcess, Proxy]]:
    """Run a node that does not notice when its proxy lets no publication through any more."""
    async with trio.open_nursery() as nursery:
        proxy = Proxy(random.Random(0))
        port = await proxy.listen(nursery, str(redis_server.socket))
        node = await cluster.add_node(redis=f"redis://127.0.0.1:{port}/0", probe_seconds=0)
        await until(partial(_connected, node), "Redis to be connected")
        yield node, proxy
        nursery.cancel_scope.cancel()


async def _connected(node: NodeProcess) -> bool:
    return await node.metric("chat_redis_connected") == 1
