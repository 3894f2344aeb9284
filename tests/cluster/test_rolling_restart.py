"""Nodes go and come, gently or not, while people talk: nothing is lost, and nobody notices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio
import trio.testing

from client.session import NotConnected, open_session
from tests import PATIENCE
from tests.cluster.people import Talker, check_heard, in_the_lobby
from tests.nodes import Cluster, open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until


async def restart_gently(cluster: Cluster, number: int) -> None:
    assert await cluster.nodes[number].stop() == 0
    await cluster.add_node()


async def kill_and_replace(cluster: Cluster, number: int) -> None:
    await cluster.nodes[number].kill()
    await cluster.add_node()


async def pause(cluster: Cluster, number: int) -> None:
    """Long enough to be taken for dead, not long enough to be released."""
    node = cluster.nodes[number]
    name = (await node.logged("listening"))["node"]

    node.pause()
    await until(
        lambda: cluster.redis.ask("HGET", "chat:heartbeats", name) == "-1",
        "the node to be taken for dead",
    )
    node.resume()
    await node.ready()


def follow(cluster: Cluster, talkers: list[Talker]) -> None:
    """Tell the clients which nodes there are."""
    urls = [node.url for node in cluster.nodes if node.process.returncode is None]
    for talker in talkers:
        talker.session.urls[:] = urls


async def all_goes_on(talkers: list[Talker]) -> None:
    enough = [len(talker.acknowledged) + 20 for talker in talkers]
    await until(
        lambda: all(len(t.acknowledged) >= n for t, n in zip(talkers, enough, strict=True)),
        "everybody to go on talking",
    )


@pytest.mark.parametrize(
    ("trouble", "times"), [(restart_gently, 3), (kill_and_replace, 1), (pause, 1)]
)
async def test_nothing_is_lost_and_nobody_notices(
    redis_server: RedisServer, trouble: Callable[[Cluster, int], Awaitable[None]], times: int
) -> None:
    async with (
        open_cluster(redis_server, 3) as cluster,
        in_the_lobby(cluster, "alice", "bob", "carol") as talkers,
    ):
        async with trio.open_nursery() as talking:
            for talker in talkers:
                talking.start_soon(talker.talk)
            for number in range(times):
                follow(cluster, talkers)
                await trouble(cluster, number)
                follow(cluster, talkers)
                await all_goes_on(talkers)
            for talker in talkers:
                talker.stop.set()
        await check_heard(talkers)
        assert all(talker.left == [] for talker in talkers)
        assert trouble is pause or sum(talker.lost_connections for talker in talkers) >= times


async def test_what_is_said_while_there_is_no_node_is_sent_by_and_by(
    redis_server: RedisServer,
) -> None:
    async with (
        open_cluster(redis_server, 1) as cluster,
        in_the_lobby(cluster, "alice") as (alice,),
    ):
        await cluster.nodes[0].kill()
        seqs: dict[str, int] = {}

        async def say(text: str) -> None:
            seqs[text] = await alice.session.send("lobby", text)

        async with trio.open_nursery() as saying:
            for number in range(5):
                saying.start_soon(partial(say, str(number)))
                await trio.testing.wait_all_tasks_blocked(0.01)
            alice.session.urls[:] = [(await cluster.add_node()).url]
        assert seqs == {str(number): number + 1 for number in range(5)}


async def test_a_message_that_cannot_be_sent_in_time_fails_with_the_reason(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client.session.delivery.SEND_SECONDS", 1.0)
    async with (
        open_cluster(redis_server, 1) as cluster,
        open_session([cluster.urls[0]], nick="alice") as alice,
    ):
        await alice.join("lobby")
        await redis_server.stop()
        with trio.fail_after(PATIENCE), pytest.raises(NotConnected, match="not sent in 1 s"):
            await alice.send("lobby", "hello")
