"""A session outlives its connection: taken up on any node, with nobody noticing."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from gateway.policy.nicknames import fold
from tests.cluster.inside import Client, command, running_node, signed_in
from tests.nodes import NodeProcess, open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import WebSocketClient, connect


@asynccontextmanager
async def dropped(
    node: NodeProcess, nick: str, *rooms: str, seen_by: WebSocketClient | None = None
) -> AsyncIterator[str]:
    """Join rooms and lose the connection, once it was seen; gives the session's secret."""
    async with connect(node.url) as client:
        secret = (await client.ask({"type": "hello", "nick": nick}))["session"]
        for room in rooms:
            await client.join(room)
        if seen_by is not None:  # who comes and goes at once may not be told at all
            await until(partial(seen_by.lists, nick, "bob", room=rooms[0]), f"{nick} to be listed")
        await client.break_off()
    yield secret


async def resume(client: WebSocketClient, secret: str) -> dict[str, Any]:
    return await client.ask({"type": "hello", "resume": secret, "id": "h"})


def held(redis_server: RedisServer) -> Any:
    return redis_server.ask("HGETALL", "chat:{nicks}"), redis_server.ask("KEYS", "*:members")


@pytest.mark.parametrize("other", [0, 1])
async def test_a_dropped_session_is_taken_up_and_nobody_notices(
    redis_server: RedisServer, other: int
) -> None:
    async with (
        open_cluster(redis_server, 2) as cluster,
        connect(cluster.urls[1], "bob") as bob,
    ):
        await bob.join()
        async with connect(cluster.urls[0]) as alice:
            secret = (await alice.ask({"type": "hello", "nick": "Alice"}))["session"]
            joined = await alice.join()
            await until(partial(bob.lists, "Alice", "bob"), "Alice to be listed")
            await alice.break_off()
        for number in range(3):
            message = {"type": "send", "room": "lobby", "text": "hi", "id": str(number)}
            await bob.ask(message)
        assert await bob.members() == {"Alice", "bob"}
        async with connect(cluster.urls[other]) as alice:
            taken = await alice.ask({"type": "hello", "nick": "alice"})
            assert taken["code"] == "nick_taken"
            welcome = await resume(alice, secret)
            assert (welcome["nick"], welcome["resumed"]) == ("Alice", True)
            assert welcome["session"] == secret
            since = {"epoch": joined["epoch"], "seq": joined["seq"]}
            answer = await alice.join(since=since)
            assert answer["recovered"] is True
            assert [m["seq"] for m in answer["messages"]] == [1, 2, 3]
            await alice.ask({"type": "send", "room": "lobby", "text": "back", "id": "9"})
            # Nobody came and nobody went: the next that bob hears is what she said.
            while (heard := await bob.hear())["type"] == "message" and heard["from"] == "bob":
                pass
            assert (heard["type"], heard["from"]) == ("message", "Alice"), heard


async def test_a_session_that_does_not_come_back_is_over_after_the_grace(
    redis_server: RedisServer,
) -> None:
    async with (
        open_cluster(redis_server, 2, grace_seconds=0.5) as cluster,
        connect(cluster.urls[1], "bob") as bob,
    ):
        await bob.join()
        async with dropped(cluster.nodes[0], "alice", "lobby", "cafe", seen_by=bob) as secret:
            while (await bob.hear_type("presence")).get("left") != ["alice"]:
                pass
            await until(partial(bob.rename, "Alice"), "the nickname to be free")
            async with connect(cluster.urls[0]) as late:
                assert (await resume(late, secret))["code"] == "unauthorized"
                assert (await late.ask({"type": "hello", "nick": "late"}))["type"] == "welcome"
                assert redis_server.ask("HLEN", "chat:{nicks}:sessions") == 2
        assert redis_server.ask("KEYS", "*{room:cafe}*") == []


async def test_a_goodbye_ends_it_at_once_and_the_secret_is_worth_nothing(
    redis_server: RedisServer,
) -> None:
    async with open_cluster(redis_server, 1) as cluster:
        async with connect(cluster.urls[0]) as alice:
            secret = (await alice.ask({"type": "hello", "nick": "alice"}))["session"]
            await alice.join()
            await alice.close()
        await until(lambda: nothing_held(redis_server), "all to be given back")
        async with connect(cluster.urls[0]) as client:
            assert (await resume(client, secret))["code"] == "unauthorized"
            assert (await resume(client, "x"))["code"] == "unauthorized"
            for wrong in ({}, {"nick": "alice", "resume": secret}):
                assert (await client.ask({"type": "hello"} | wrong))["code"] == "bad_frame"
            assert (await client.ask({"type": "hello", "nick": "alice"}))["type"] == "welcome"


async def test_a_goodbye_counts_though_redis_was_away(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.backplane.redis.retry.RETRY_SECONDS", math.inf)
    async with running_node(redis_server, grace=60) as node:
        session = await signed_in(node, "alice")
        sid = session.sid
        await redis_server.stop()
        session.end(goodbye=True)
        await redis_server.start()
        await node.context.backplane.link.wait_connected()
        assert redis_server.ask("HEXISTS", "chat:{nicks}", fold("alice")), (
            "it is not given back yet"
        )
        assert await node.context.registry.resume(sid, session.connection, None) is None


async def test_a_session_whose_welcome_was_lost_is_taken_up_with_its_own_secret(
    redis_server: RedisServer,
) -> None:
    secret = secrets.token_urlsafe(18)
    hello = {"type": "hello", "nick": "alice", "session": secret}
    async with open_cluster(redis_server, 2) as cluster:
        async with connect(cluster.nodes[0].url) as bare:
            await bare.send(json.dumps(hello).encode())
            await until(lambda: is_taken(redis_server, "alice"), "the nickname to be taken")
            await bare.break_off()
        async with connect(cluster.urls[1]) as client:
            back = await resume(client, secret)
            assert (back["nick"], back["session"]) == ("alice", secret)
            async with connect(cluster.urls[1]) as other:
                bob = hello | {"nick": "bob"}
                assert (await other.ask(bob))["code"] == "unauthorized"
                for wrong in ("short", "x" + "0123456789abcdefghijk" + "\n"):
                    assert (await other.ask(bob | {"session": wrong}))["code"] == "bad_frame"
                assert (await other.ask(hello | {"session": "x" + "0123456789abcdefghijk"}))[
                    "code"
                ] == "nick_taken"
                answer = await other.ask(bob | {"session": "x" + "0123456789abcdefghijk"})
                assert (answer["nick"], answer["session"]) == ("bob", "x" + "0123456789abcdefghijk")


async def test_what_an_earlier_hello_began_is_not_left_behind(redis_server: RedisServer) -> None:
    async with running_node(redis_server) as node:
        alice, bob = Client(node), Client(node)
        await command(alice, "hello", nick="alice", session="a" + "0123456789abcdefghijk")
        alice.end()
        for number in range(3):
            await command(bob, "hello", nick="alice", session=f"0123456789abcdefghijk-{number}")
        await command(bob, "hello", resume="a" + "0123456789abcdefghijk")
        assert (bob.nick, len(node.context.relay.inboxes.all)) == ("alice", 1)
        await node.context.registry.all_released()
        assert list(node.context.registry.sessions) == [bob.sid]
        bob.end(goodbye=True)


async def is_taken(redis_server: RedisServer, nick: str) -> bool:
    return bool(redis_server.ask("HEXISTS", "chat:{nicks}", fold(nick)))


async def nothing_held(redis_server: RedisServer) -> bool:
    return bool(held(redis_server) == ({}, []))


@pytest.mark.parametrize("other", [0, 1])
async def test_an_old_connection_that_lives_is_replaced(
    redis_server: RedisServer, other: int
) -> None:
    async with (
        open_cluster(redis_server, 2) as cluster,
        connect(cluster.urls[0]) as old,
        connect(cluster.urls[other]) as new,
    ):
        secret = (await old.ask({"type": "hello", "nick": "alice"}))["session"]
        for room in ("lobby", "cafe"):
            await old.join(room)
        assert (await resume(new, secret))["type"] == "welcome"
        assert await old.closed() == 4502
        await new.join()
        assert await new.members() == {"alice"}
        assert (await new.ask({"type": "nick", "nick": "alicia", "id": "n"}))["type"] == "ok"
        sent = {"type": "send", "room": "lobby", "text": "hi", "id": "1"}
        assert (await new.ask(sent))["seq"] == 1
        # And back again.
        async with connect(cluster.urls[0]) as third:
            assert (await resume(third, secret))["nick"] == "alicia"
            assert await new.closed() == 4502
            await third.join()
            assert (await third.ask(sent))["seq"] == 1, "said twice, it is said once"


@pytest.mark.parametrize("other", [0, 1])
async def test_rooms_that_are_not_joined_again_are_left_after_the_grace(
    redis_server: RedisServer, other: int
) -> None:
    async with (
        open_cluster(redis_server, 2, grace_seconds=8) as cluster,
        connect(cluster.urls[1], "bob") as bob,
    ):
        await bob.join("cafe")
        async with (
            dropped(cluster.nodes[0], "alice", "lobby", "cafe") as secret,
            connect(cluster.urls[other]) as alice,
        ):
            await resume(alice, secret)
            await alice.join()
            await until(partial(bob.lists, "alice", "bob", room="cafe"), "alice to be listed")
            while (await bob.hear_type("presence")).get("left") != ["alice"]:
                pass
            assert await alice.members() == {"alice"}
            refused = await alice.ask({"type": "members", "room": "cafe", "id": "c"})
            assert refused["code"] == "not_in_room"
            assert (await resume(alice, secret))["code"] == "bad_frame"


async def test_a_notice_that_was_missed_is_made_good(redis_server: RedisServer) -> None:
    """The old node's subscription is away while its session is taken up elsewhere."""
    async with (
        open_cluster(redis_server, 2) as cluster,
        connect(cluster.urls[0], "alice") as old,
    ):
        first, second = [(await node.logged("listening"))["node"] for node in cluster.nodes]
        owner = redis_server.ask("HGET", "chat:{nicks}", fold("alice")).replace(first, second)
        redis_server.ask("HSET", "chat:{nicks}", fold("alice"), owner)
        redis_server.ask("CLIENT", "KILL", "TYPE", "pubsub")
        assert await old.closed() == 4502
        assert redis_server.ask("HGET", "chat:{nicks}", fold("alice")) == owner
