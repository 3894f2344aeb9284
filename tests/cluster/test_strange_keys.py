"""What somebody else has put into Redis, or spoilt there, costs nobody but itself."""

from __future__ import annotations

import pytest

from tests.cluster.inside import command, running_node, signed_in
from tests.cluster.people import two_clients
from tests.redis_server import RedisServer
from tests.waiting import until

MEMBERS = "chat:{room:lobby}:members"


async def test_a_room_whose_keys_were_spoilt_costs_only_itself(redis_server: RedisServer) -> None:
    async with two_clients(redis_server, nodes=1) as (cluster, alice, bob):
        await alice.join()
        await bob.join("other")
        redis_server.ask("DEL", "chat:{room:lobby}:meta", "chat:heartbeats")
        await cluster.nodes[0].logged("claiming anew")
        await until(
            lambda: redis_server.ask("EXISTS", "chat:{room:lobby}:meta"),
            "the room to be there again",
        )
        redis_server.ask("SET", "chat:{room:lobby}:log", "not a stream")
        refused = await alice.ask({"type": "send", "room": "lobby", "text": "hi", "id": "1"})
        assert refused["code"] == "unavailable"
        sent = await bob.ask({"type": "send", "room": "other", "text": "hi", "id": "1"})
        assert sent["type"] == "ok"
        assert cluster.nodes[0].process.returncode is None


async def test_what_somebody_else_put_into_redis_is_passed_over(redis_server: RedisServer) -> None:
    foreign = b"\xff\xfe"
    redis_server.ask("ZADD", "chat:rooms:sizes", 1, foreign)
    redis_server.ask("HSET", "chat:heartbeats", "another", "abc", foreign, foreign)
    redis_server.ask("HSET", "chat:{nicks}", foreign, foreign)
    redis_server.ask("HSET", "chat:{room:lobby}:members", foreign, foreign)
    redis_server.ask("XADD", "chat:{room:lobby}:log", "0-1", "m", foreign)
    redis_server.ask("HSET", "chat:{room:lobby}:meta", "epoch", "e")
    async with two_clients(redis_server, nodes=1) as (cluster, alice, _):
        joined = await alice.join()
        assert (joined["type"], joined.get("messages", [])) == ("ok", [])
        sent = await alice.ask({"type": "send", "room": "lobby", "text": "hi", "id": "1"})
        assert sent["seq"] == 1
        page = await alice.ask({"type": "history", "room": "lobby", "id": "h"})
        assert [message["text"] for message in page["messages"]] == ["hi"]
        listed = await alice.ask({"type": "rooms", "id": "r"})
        assert "lobby" in [room["room"] for room in listed["rooms"]]
        await cluster.nodes[0].ready()


async def test_rooms_that_somebody_else_noted_down_do_not_stop_the_upkeep(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.cluster.membership.TIDY_SECONDS", 0.1)
    foreign = b"\xff\xfe"
    redis_server.ask("ZADD", "chat:rooms", 2e9, foreign)
    redis_server.ask("SADD", "chat:{node:gone}:rooms", foreign)
    redis_server.ask("HSET", "chat:heartbeats", "gone", -1)
    redis_server.ask("HSET", "chat:{room:attic}:members", "s1", "strange 1 Ghost")
    redis_server.ask("ZADD", "chat:rooms", 2e9, "attic")
    async with running_node(redis_server) as node:

        async def seen_to() -> bool:
            attic = redis_server.ask("EXISTS", "chat:{room:attic}:members")
            return not attic and redis_server.ask("HKEYS", "chat:heartbeats") == [node.name]

        await until(seen_to, "the dead node to be released, and the ghost to be put out")


async def test_a_room_whose_members_were_spoilt_keeps_nobody_from_the_others(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.cluster.membership.TIDY_SECONDS", 0.1)
    monkeypatch.setattr("gateway.delivery.room_counts.COUNT_SECONDS", 0.1)
    redis_server.ask("SET", "chat:{room:spoilt}:members", "no hash")
    redis_server.ask("SADD", "chat:{node:gone}:rooms", "spoilt", "attic")
    redis_server.ask("HSET", "chat:heartbeats", "gone", -1)
    redis_server.ask("HSET", "chat:{room:attic}:members", "s1", "gone 1 Ghost")
    redis_server.ask("HSET", "chat:{room:cellar}:members", "s2", "gone-long-ago 1 Ghost")
    redis_server.ask("ZADD", "chat:rooms", 2e9, "cellar")
    async with running_node(redis_server) as node:
        session = await signed_in(node, "alice")
        await command(session, "join", room="spoilt")
        await command(session, "join", room="lobby")
        assert session.followed == {"lobby"}
        listing = await node.context.backplane.rooms.listing(10)
        assert listing[0] == ("lobby", 1)

        async def seen_to() -> bool:
            ghosts = redis_server.ask("KEYS", "chat:{room:[ac]*}:members")
            registered = redis_server.ask("HKEYS", "chat:heartbeats") == [node.name]
            counted = redis_server.ask("ZSCORE", "chat:rooms:sizes", "lobby")
            return bool(counted and registered and not ghosts)

        await until(seen_to, "the ghosts to be put out, and the lobby to be counted")
        session.end()
