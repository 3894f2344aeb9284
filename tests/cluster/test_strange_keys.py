"""What somebody else has put into Redis, or spoilt there, costs nobody but itself."""

from __future__ import annotations

import pytest
import structlog

from gateway.delivery.log_states import LogState
from gateway.node import Node
from tests.cluster.inside import command, reclaim_on, running_node, signed_in
from tests.cluster.people import two_clients
from tests.redis_server import RedisServer
from tests.waiting import until


async def ghosts_are_gone(redis_server: RedisServer, node: Node) -> None:
    """Wait until the dead node is released, and whoever else was not there is put out."""
    await until(
        lambda: (
            not redis_server.ask("KEYS", "chat:{room:[ac]*}:members")
            and redis_server.ask("HKEYS", "chat:heartbeats") == [node.name]
        ),
        "the ghosts to be gone",
    )


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
        await ghosts_are_gone(redis_server, node)


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
        await ghosts_are_gone(redis_server, node)
        await until(
            lambda: redis_server.ask("ZSCORE", "chat:rooms:sizes", "lobby"),
            "the lobby to be counted",
        )


async def test_a_room_spoilt_with_somebody_in_it_keeps_nobody_else_from_anything(
    redis_server: RedisServer,
) -> None:
    async with running_node(redis_server) as node:
        alice, bob = [await signed_in(node, nick) for nick in ("alice", "bob")]
        for room in ("lobby", "spoilt"):
            await command(alice, "join", room=room)
        redis_server.ask("SET", "chat:{room:spoilt}:meta", "no hash")
        redis_server.ask("SADD", "chat:{node:gone}:rooms", "spoilt", "attic")
        for room in ("spoilt", "attic"):
            redis_server.ask("HSET", f"chat:{{room:{room}}}:members", "s1", "gone 1 Ghost")
        redis_server.ask("HSET", "chat:heartbeats", "gone", -1)
        await command(alice, "status", state="busy")
        assert alice.record.line == "alice busy "
        assert node.context.registry.unverified == 0
        assert redis_server.ask("HVALS", "chat:{room:lobby}:members")[0].endswith("busy ")
        node.context.registry.mark_unverified(alice.record)
        await reclaim_on(node)
        for session in (alice, bob):
            session.end(goodbye=True)
        await node.context.registry.all_released()
        assert not redis_server.ask("EXISTS", "chat:{nicks}", "chat:{room:lobby}:members")
        await ghosts_are_gone(redis_server, node)


@pytest.mark.parametrize("spoilt", [b"\xff\xfe", b"", b"x", b"9" * 30])
@pytest.mark.parametrize("field", ["epoch", "seq", "version"])
@pytest.mark.parametrize("what", ["room", "inbox"])
async def test_a_field_that_cannot_be_read(
    redis_server: RedisServer, what: str, field: str, spoilt: bytes
) -> None:
    async with running_node(redis_server) as node:
        alice, bob = [await signed_in(node, nick) for nick in ("alice", "bob")]
        for session in (alice, bob):
            await command(session, "join", room="lobby")
        await command(alice, "join", room="attic")
        await command(alice, "direct", to="bob", text="hi")
        key = "{room:lobby}" if what == "room" else f"{{inbox:{bob.sid}}}"
        redis_server.ask("HSET", f"chat:{key}:meta", field, spoilt)
        with structlog.testing.capture_logs():
            node.context.relay.recheck(unverified=True)
            registry = node.context.registry
            registry.mark_unverified(*registry.sessions.values())
            await reclaim_on(node)
            followed = node.context.relay.rooms["attic"]
            await until(lambda: followed.log.state is LogState.CURRENT, "the other room to be read")
            before = followed.position
            await command(alice, "send", room="attic", text="Hello!")
            await until(lambda: followed.position == before + 1, "what is said in the other room")
        for session in (alice, bob):
            session.end(goodbye=True)


async def test_what_somebody_else_put_into_an_inbox_is_passed_over(
    redis_server: RedisServer,
) -> None:
    async with running_node(redis_server) as node:
        alice, bob = [await signed_in(node, nick) for nick in ("alice", "bob")]
        base = f"chat:{{inbox:{alice.sid}}}"
        redis_server.ask("HSET", f"{base}:meta", "epoch", "e", "seq", 2)
        endless = '{"seq":%s,"at":1,"type":"' % ("2" * 5000)
        for seq, strange in (1, '{"seq":1,"at":1,"'), (2, endless):
            redis_server.ask("XADD", f"{base}:log", f"{seq}-0", "m", strange)
        [inbox] = [i for i in node.context.relay.inboxes.all if i.sid == alice.sid]
        await command(bob, "direct", to="alice", text="hi")
        await until(lambda: inbox.log.position == 3, "the message to be handed on")
        for session in (alice, bob):
            session.end(goodbye=True)
        await node.context.registry.all_released()
