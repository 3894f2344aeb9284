"""Nodes go and come, gently or not, while people talk: nothing is lost, and nobody notices."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio
import trio.testing

from client.session import (
    ConnectionLost,
    Disconnected,
    NotRejoined,
    Rejoined,
    Session,
    open_session,
)
from gateway import wire
from tests.harness import Cluster, open_cluster
from tests.redis_server import RedisServer


class Talker:
    """Says numbered things without end, and keeps all that it hears."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.acknowledged: dict[int, str] = {}
        self.heard: list[wire.Message] = []
        self.left: list[str] = []
        self.not_resumed = self.unrecovered = self.moves = 0
        self.stop = trio.Event()

    async def talk(self) -> None:
        number = 0
        while not self.stop.is_set():
            number += 1
            text = f"{self.session.nick} {number}"
            self.acknowledged[await self.session.send("lobby", text)] = text
            await trio.sleep(0.01)

    async def listen(self) -> None:
        async for event in self.session.events:
            match event:
                case wire.Message():
                    self.heard.append(event)
                case wire.Presence():
                    self.left += event.left
                case Rejoined(joined):
                    self.unrecovered += not joined.recovered
                    self.heard += joined.messages
                case Disconnected():
                    self.moves += 1
                case NotRejoined():
                    raise AssertionError(event)

    async def has_heard(self, seq: int) -> None:
        with trio.fail_after(30):
            while not self.heard or self.heard[-1].seq < seq:
                await trio.sleep(0.02)


async def restart_gently(cluster: Cluster, number: int) -> None:
    assert await cluster.nodes[number].stop() == 0
    await cluster.add_node()


async def kill_and_replace(cluster: Cluster, number: int) -> None:
    await cluster.nodes[number].kill()
    await cluster.add_node()


async def pause(cluster: Cluster, number: int) -> None:
    """Long enough to be taken for dead, not long enough to be released."""
    node = cluster.nodes[number]
    node.pause()
    survivor = cluster.nodes[(number + 1) % 3]
    await survivor.logged("node died")
    node.resume()
    await node.ready()


def follow(cluster: Cluster, talkers: list[Talker]) -> None:
    """Tell the clients which nodes there are."""
    urls = [node.url for node in cluster.nodes if node.process.returncode is None]
    for talker in talkers:
        talker.session.urls[:] = urls


async def all_goes_on(talkers: list[Talker]) -> None:
    counts = [len(talker.acknowledged) for talker in talkers]
    with trio.fail_after(30):
        while any(len(t.acknowledged) < n + 20 for t, n in zip(talkers, counts, strict=True)):
            await trio.sleep(0.02)


def check(talker: Talker, acknowledged: dict[int, str]) -> None:
    """Everything once, in order, with no gap, and nobody seen to leave."""
    assert [m.seq for m in talker.heard] == list(range(1, len(talker.heard) + 1))
    heard = {m.seq: m.text for m in talker.heard}
    assert acknowledged.items() <= heard.items()
    assert len(set(heard.values())) == len(heard), "something was said twice"
    for nick in ("alice", "bob", "carol"):
        order = [int(m.text.split()[1]) for m in talker.heard if m.sender == nick]
        assert order == sorted(order)
    assert talker.left == []
    assert talker.unrecovered == 0


@pytest.mark.parametrize(
    ("trouble", "times"), [(restart_gently, 3), (kill_and_replace, 1), (pause, 1)]
)
async def test_nothing_is_lost_and_nobody_notices(
    redis_server: RedisServer, trouble: Callable[[Cluster, int], Awaitable[None]], times: int
) -> None:
    async with (
        open_cluster(redis_server, 3) as cluster,
        open_session([cluster.urls[0]], nick="alice") as alice,
        open_session([cluster.urls[1]], nick="bob") as bob,
        open_session([cluster.urls[2]], nick="carol") as carol,
        trio.open_nursery() as nursery,
    ):
        talkers = [Talker(session) for session in (alice, bob, carol)]
        for talker in talkers:
            await talker.session.join("lobby")
            nursery.start_soon(talker.listen)
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
        acknowledged = {seq: text for t in talkers for seq, text in t.acknowledged.items()}
        for talker in talkers:
            await talker.has_heard(max(acknowledged))
            check(talker, acknowledged)
        assert trouble is pause or sum(talker.moves for talker in talkers) >= times
        nursery.cancel_scope.cancel()


async def test_what_is_said_while_there_is_no_node_is_sent_by_and_by(
    redis_server: RedisServer,
) -> None:
    async with (
        open_cluster(redis_server, 1) as cluster,
        open_session([cluster.urls[0]], nick="alice") as alice,
        trio.open_nursery() as nursery,
    ):
        talker = Talker(alice)
        await alice.join("lobby")
        nursery.start_soon(talker.listen)
        await cluster.nodes[0].kill()
        seqs: dict[str, int] = {}

        async def say(text: str) -> None:
            seqs[text] = await alice.send("lobby", text)

        async with trio.open_nursery() as saying:
            for number in range(5):
                saying.start_soon(partial(say, str(number)))
                await trio.testing.wait_all_tasks_blocked(0.01)
            alice.urls[:] = [(await cluster.add_node()).url]
        assert seqs == {str(number): number + 1 for number in range(5)}
        nursery.cancel_scope.cancel()


async def test_a_message_that_cannot_be_sent_in_time_fails_with_the_reason(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("client.delivery.SEND_SECONDS", 1.0)
    async with (
        open_cluster(redis_server, 1) as cluster,
        open_session([cluster.urls[0]], nick="alice") as alice,
    ):
        await alice.join("lobby")
        await redis_server.stop()
        with trio.fail_after(10), pytest.raises(ConnectionLost, match="not sent in 1 s"):
            await alice.send("lobby", "hello")
