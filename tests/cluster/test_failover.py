"""Redis fails over: with Sentinel to another server, and to data that are not quite the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from tests.cluster.people import in_the_lobby
from tests.harness import open_cluster, raw_client
from tests.redis_server import RedisServer
from tests.sentinels import open_group


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
                await group.taken_over()
            else:
                await group.in_step()
                assert group.primary.process is not None
                group.primary.process.kill()
            for number in range(21, 41):
                assert await alice.session.send("lobby", "after") == number
            await bob.until_seq(40)
            assert [m.seq for m in bob.messages] == list(range(1, 41))
            assert [m.text for m in bob.messages] == ["before"] * 20 + ["after"] * 20
            assert bob.lost_connections == 0
            for node in cluster.nodes:
                await node.ready()


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
