"""Redis goes away and comes back: nobody is disconnected, and nothing acknowledged is lost."""

from __future__ import annotations

import json
from functools import partial

import pytest
import trio

from client.session import ClientSession
from gateway.cluster.membership import DEAD_AFTER
from gateway.node import Node
from tests.cluster.inside import command, running_node, signed_in
from tests.cluster.people import check_heard, in_the_lobby, one_client
from tests.nodes import open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import connect


async def test_a_restart_under_traffic_loses_nothing(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 2) as cluster,
        in_the_lobby(cluster, "alice", "bob", "carol") as everybody,
    ):
        alice, bob, carol = everybody
        async with trio.open_nursery() as talking:
            for talker in (alice, bob):
                talking.start_soon(talker.talk)
            for _ in range(2):
                await carol.until_seq(len(carol.messages) + 50)
                await redis_server.stop()
                for node in cluster.nodes:
                    assert "Redis" in (await node.not_ready())[1]
                await redis_server.start()
                for node in cluster.nodes:
                    await node.ready()
            await carol.until_seq(len(carol.messages) + 50)
            for talker in (alice, bob):
                talker.stop.set()
        await check_heard(everybody)
        assert all(talker.lost_connections == 0 for talker in everybody)
        members = (await carol.session.members("lobby")).members
        assert [m.nick for m in members] == ["alice", "bob", "carol"]


async def test_a_redis_that_hangs_gives_unavailable_and_the_retry_is_said_once(
    redis_server: RedisServer,
) -> None:
    async with one_client(redis_server, redis_timeout=3) as (node, alice):
        await alice.join()
        redis_server.pause()
        now = {"type": "send", "room": "lobby", "text": "now?", "id": "now"}
        # The first finds out within the timeout; after that everybody is told at once.
        for _ in range(2):
            answer = await alice.ask(now)
            assert (answer["code"], answer["id"]) == ("unavailable", "now")
        assert (await alice.ask({"type": "ping", "id": "p"}))["type"] == "ok"
        redis_server.resume()
        await node.ready()
        first = await alice.ask(now)
        assert first["type"] == "ok"
        assert (await alice.ask(now))["seq"] == first["seq"]
        page = await alice.ask({"type": "history", "room": "lobby", "id": "h"})
        assert [m["text"] for m in page["messages"]] == ["now?"]


async def test_nobody_is_dead_because_redis_was_slow(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it says nothing everybody's heartbeats stand still, though no call fails."""
    monkeypatch.setattr("gateway.cluster.membership.BEAT_SECONDS", 0.05)
    monkeypatch.setattr("gateway.cluster.membership.DEAD_AFTER", 0.2)
    async with (
        running_node(redis_server) as one,
        running_node(redis_server) as other,
    ):
        for _ in range(3):
            redis_server.pause()
            await trio.sleep(0.5)
            redis_server.resume()
            before = await _beats(one, other)

            async def both_go_on(before: list[int] = before) -> bool:
                now = await _beats(one, other)
                return all(b > a + 10 for a, b in zip(before, now, strict=True))

            await until(both_go_on, "both to go on beating")
        for node in (one, other):
            assert node.context.backplane.incarnation.name == node.name, "never taken for dead"


async def test_nobody_is_dead_because_all_stood_still_together(redis_server: RedisServer) -> None:
    """As on a machine that sleeps, or is moved to another host."""
    async with open_cluster(redis_server, 2) as cluster:
        names = redis_server.ask("HKEYS", "chat:heartbeats")
        for node in cluster.nodes:
            node.pause()
        await trio.sleep(DEAD_AFTER + 1)
        for node in cluster.nodes:
            node.resume()
        before = redis_server.ask("HVALS", "chat:heartbeats")

        async def both_go_on() -> bool:
            now = redis_server.ask("HVALS", "chat:heartbeats")
            return all(int(b) > int(a) + 1 for a, b in zip(before, now, strict=True))

        await until(both_go_on, "both to go on beating")
        assert redis_server.ask("HKEYS", "chat:heartbeats") == names


async def _beats(*nodes: Node) -> list[int]:
    names = [node.context.backplane.incarnation.name for node in nodes]
    found = await nodes[0].context.backplane.link.call("HMGET", "chat:heartbeats", *names)
    return [int(count or 0) for count in found]


async def test_killed_connections_are_made_again_and_gaps_are_filled(
    redis_server: RedisServer,
) -> None:
    async with (
        open_cluster(redis_server, 2) as cluster,
        in_the_lobby(cluster, "alice", "bob") as (alice, bob),
    ):
        seq = 0
        for kind in ("pubsub", "normal", "pubsub"):
            for _ in range(20):
                seq = await alice.session.send("lobby", "before")
            redis_server.ask("CLIENT", "KILL", "TYPE", kind)
            for _ in range(20):
                seq = await alice.session.send("lobby", "after")
        await bob.until_seq(seq)
        assert [m.seq for m in bob.messages] == list(range(1, seq + 1))
        assert bob.lost_connections == 0


async def test_lost_data_is_told_and_the_conversation_goes_on(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 2) as cluster,
        in_the_lobby(cluster, "alice", "bob") as (alice, bob),
    ):
        before = await bob.session.join("lobby")
        for _ in range(10):
            await alice.session.send("lobby", "before")
        await bob.until_seq(10)
        redis_server.ask("FLUSHALL")
        await bob.until_notice("history_lost")
        listed = partial(_members, alice.session, ["alice", "bob"])
        await until(listed, "both to be listed again")
        bob.messages.clear()
        assert await alice.session.send("lobby", "after") == 1
        await bob.until_seq(1)
        assert bob.messages[0].text == "after"
        assert (await bob.session.join("lobby")).epoch != before.epoch
        # Nicknames were claimed again.
        async with connect(cluster.urls[0]) as stranger:
            answer = await stranger.ask({"type": "hello", "nick": "BOB"})
            assert answer["code"] == "nick_taken"


async def _members(session: ClientSession, nicks: list[str]) -> bool:
    return sorted(m.nick for m in (await session.members("lobby")).members) == nicks


async def test_redis_away_at_start(redis_server: RedisServer) -> None:
    await redis_server.stop()
    async with open_cluster(redis_server, 0) as cluster:
        node = await cluster.add_node()
        away = await node.logged("redis away")
        assert away["level"] == "warning"
        assert (await node.get("/healthz"))[0] == 200
        reason = json.loads((await node.not_ready())[1])["reason"]
        assert reason.startswith("Redis does not answer: ")
        assert "No such file or directory" in reason
        async with connect(node.url) as client:
            answer = await client.ask({"type": "hello", "nick": "alice", "id": "h"})
            assert answer["code"] == "unavailable"
            await redis_server.start()
            await node.ready()
            assert (await client.ask({"type": "hello", "nick": "alice"}))["type"] == "welcome"


async def test_whoever_finds_a_room_lost_has_all_listed_again_at_once(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_node(redis_server) as node:
        alice, bob = [await signed_in(node, nick) for nick in ("alice", "bob")]
        await command(alice, "join", room="cafe")
        monkeypatch.setattr("gateway.cluster.membership.BEAT_SECONDS", 3600.0)
        before = await _beats(node)

        async def beats_on() -> bool:
            return await _beats(node) > before

        await until(beats_on, "the last beat for an hour")
        redis_server.ask("FLUSHALL")
        await command(bob, "join", room="cafe")

        async def both_known() -> bool:
            keys = "chat:{room:cafe}:members", "chat:{nicks}"
            return [redis_server.ask("HLEN", key) for key in keys] == [2, 2]

        await until(both_known, "who is there to be listed, and their names to be taken")
