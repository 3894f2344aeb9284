"""What is interrupted in the middle is finished or undone, and nothing of it is left behind."""

from __future__ import annotations

import struct
from functools import partial
from typing import Any, NoReturn

import pytest
import structlog.testing
import trio
import trio.testing

from client.session import open_session
from gateway.backplane import Entered
from gateway.backplane.nicks import HeldNick
from gateway.policy.nicknames import fold
from gateway.sessions.states import SessionState
from tests import PATIENCE
from tests.cluster.inside import command, reclaim_on, running_node, signed_in, unheard
from tests.cluster.people import one_client, two_clients
from tests.nodes import NodeProcess, open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import connect

MEMBERS = "chat:{room:lobby}:members"


async def test_a_join_while_redis_hangs_is_answered_in_time(redis_server: RedisServer) -> None:
    async with one_client(redis_server, redis_timeout=3) as (node, alice):
        redis_server.pause()
        answer = await alice.ask({"type": "join", "room": "new", "id": "1"})
        assert (answer["code"], answer["id"]) == ("unavailable", "1")
        redis_server.resume()
        await node.ready()
        assert (await alice.ask({"type": "join", "room": "new", "id": "1"}))["type"] == "ok"


async def test_who_goes_while_all_claim_anew_leaves_nothing(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 1, grace_seconds=0) as cluster:
        node = cluster.nodes[0]
        async with trio.open_nursery() as nursery:
            for number in range(250):
                await nursery.start(partial(_stay, node.url, f"guest-{number}", number % 10))
            redis_server.ask("FLUSHALL")
            await node.logged("claiming anew")
            nursery.cancel_scope.cancel()

        async def nothing_left() -> bool:
            held = redis_server.ask("KEYS", "*:members") + redis_server.ask("KEYS", "*nicks")
            return not held and await node.metric("chat_sessions") == 0

        await until(nothing_left, "everything to be given back")


async def _stay(
    url: str, nick: str, room: int, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    async with connect(url, nick) as client:
        answer = await client.join(f"room-{room}")
        assert answer["type"] == "ok"
        task_status.started()
        await trio.sleep_forever()


async def test_a_rename_refused_half_way_is_finished_by_its_repetition(
    redis_server: RedisServer,
) -> None:
    async with two_clients(redis_server, room="lobby", nodes=1) as (_, alice, bob):
        # Redis does the claim and not what follows, as when the connection is lost in between.
        keys = ["~chat:heartbeats", "~chat:nicks"]
        redis_server.ask("ACL", "SETUSER", "chat", "resetkeys", *keys)
        rename = {"type": "nick", "nick": "alicia", "id": "n"}
        assert (await alice.ask(rename))["code"] == "unavailable"
        redis_server.ask("ACL", "SETUSER", "chat", "resetkeys", "~*")
        assert (await alice.ask(rename))["nick"] == "alicia"
        await until(partial(bob.lists, "alicia", "bob"), "the new name to be listed")

        # A leave that could not be noted down everywhere is done, and answered once.
        keys += ["~chat:{room:*", "~chat:rooms*"]
        redis_server.ask("ACL", "SETUSER", "chat", "resetkeys", *keys)
        for client in (alice, bob):
            await client.say({"type": "leave", "room": "lobby", "id": "l"})
            await client.say({"type": "ping", "id": "p"})
            answers = [await client.hear_type("ok", "error") for _ in range(2)]
            assert [(a["type"], a["id"]) for a in answers] == [("ok", "l"), ("ok", "p")]
        redis_server.ask("ACL", "SETUSER", "chat", "resetkeys", "~*")


async def test_who_comes_and_goes_during_the_sweep_is_let_be(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_node(redis_server) as node:
        rooms, nicks = node.context.backplane.rooms, node.context.backplane.nicks
        read, holdings = rooms.members_by_node, nicks.holdings
        alice, bob, carol = [await signed_in(node, nick) for nick in ("alice", "bob", "carol")]
        for session in (alice, carol):
            await command(session, "join", room="lobby")

        async def read_as_they_go(room: str) -> dict[str, dict[str, int]]:
            members = await read(room)
            await command(alice, "leave", room="lobby")
            await command(bob, "join", room="lobby")
            return members

        async def hold_as_one_ends() -> dict[str, dict[str, HeldNick]]:
            held = await holdings()
            alice.end(goodbye=True)
            await node.context.registry.all_released()
            return held

        monkeypatch.setattr(rooms, "members_by_node", read_as_they_go)
        monkeypatch.setattr(nicks, "holdings", hold_as_one_ends)
        with structlog.testing.capture_logs() as logs:
            await node.membership.reconciler.rooms()
            await node.membership.reconciler.nicks()
        assert [line for line in logs if line["log_level"] == "warning"] == []
        assert node.context.registry.unverified == 0
        assert set(redis_server.ask("HKEYS", MEMBERS)) == {bob.sid, carol.sid}


async def test_coming_back_amid_the_flow_gets_all_of_it(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 1) as cluster,
        open_session([cluster.urls[0]], nick="alice") as alice,
        connect(cluster.urls[0], "bob") as bob,
        trio.open_nursery() as nursery,
    ):
        epoch = (await alice.join("lobby")).epoch
        for _ in range(200):
            await alice.send("lobby", "before")

        async def go_on() -> None:
            while True:
                await alice.send("lobby", "meanwhile")

        nursery.start_soon(go_on)
        for number in range(20):
            join = {"type": "join", "room": "lobby", "id": f"j{number}"}
            answer = await bob.ask(join | {"since": {"epoch": epoch, "seq": number}})
            assert answer["recovered"] is True
            seqs = [m["seq"] for m in answer["messages"]]
            assert seqs == list(range(number + 1, answer["seq"] + 1))
            await bob.ask({"type": "leave", "room": "lobby", "id": f"l{number}"})
        nursery.cancel_scope.cancel()


async def test_a_ping_that_crosses_the_close_does_no_harm(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 1) as cluster:
        node = cluster.nodes[0]
        async with connect(node.url, "alice") as bare:
            node.process.terminate()
            await bare.receive_until((4000).to_bytes(2, "big"))
            await bare.send(b"hi", opcode=9)
            await bare.send(struct.pack("!H", 4000), opcode=8)
            with trio.fail_after(PATIENCE):
                assert await node.process.wait() == 0
        assert node.errors == []


async def test_a_drain_that_takes_too_long_leaves_its_sessions_to_the_others(
    redis_server: RedisServer,
) -> None:
    async with open_cluster(redis_server, 1, drain_seconds=2, grace_seconds=1) as cluster:
        node = cluster.nodes[0]
        async with connect(node.url, "alice"):
            node.process.terminate()
            with trio.fail_after(PATIENCE):
                assert await node.process.wait() == 0
        assert (await node.logged("stopped"))["in_time"] is False
        other = await cluster.add_node(grace_seconds=1)
        await until(partial(_holds_nothing_but, redis_server, other), "the rest to be given back")


async def _holds_nothing_but(redis_server: RedisServer, node: NodeProcess) -> bool:
    name = (await node.logged("listening"))["node"]
    registered = redis_server.ask("HKEYS", "chat:heartbeats")
    return bool(redis_server.keys() == ["chat:heartbeats"] and registered == [name])


async def test_those_are_listed_in_a_room_who_are_there(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though commands came through late: two joins, and a leave."""
    monkeypatch.setattr("gateway.cluster.membership.TIDY_SECONDS", 0.1)

    def listed(room: str) -> Any:
        return redis_server.ask("HKEYS", f"chat:{{room:{room}}}:members")

    async with running_node(redis_server) as node:
        session = await signed_in(node, "Alice")
        await command(session, "join", room="lobby")
        for late, mark in (("s1", "gone-1 1 Ghost"), ("s2", f"{node.name} 1 Late")):
            redis_server.ask("HSET", "chat:{room:lobby}:members", late, mark)
            redis_server.ask("HSET", "chat:{room:attic}:members", late, mark)
        redis_server.ask("ZADD", "chat:rooms", 2e9, "attic")
        redis_server.ask("HDEL", "chat:{room:lobby}:members", session.sid)
        await until(
            lambda: listed("lobby") == [session.sid] and not listed("attic"),
            "only Alice to be listed",
        )


async def test_a_join_of_which_nobody_knows_whether_it_was_done_is_undone(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the session would be listed in the room again as soon as it changes its status."""
    async with running_node(redis_server) as node:
        rooms = node.context.backplane.rooms
        session = await signed_in(node, "alice")
        await command(session, "join", room="lobby")
        with monkeypatch.context() as lost:
            lost.setattr(rooms, "join", unheard(rooms.join))
            await command(session, "join", room="cafe")
        assert session.followed == {"lobby"}
        await command(session, "status", state="busy")
        await node.context.registry.all_released()
        assert redis_server.ask("KEYS", "*:members") == ["chat:{room:lobby}:members"]
        await command(session, "join", room="cafe")
        assert session.followed == {"lobby", "cafe"}


async def test_what_is_held_by_nobody_is_given_back(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a node that was buried while it was stopped, and killed as it went on."""
    monkeypatch.setattr("gateway.cluster.membership.TIDY_SECONDS", 0.1)
    redis_server.ask("HSET", "chat:{nicks}", fold("ghost"), "s1 gone-1 1 Ghost")
    redis_server.ask("HSET", "chat:{nicks}:sessions", "s1", fold("ghost"))
    async with running_node(redis_server) as node:

        async def only_us() -> bool:
            registered = redis_server.ask("HKEYS", "chat:heartbeats") == [node.name]
            return bool(registered and redis_server.keys() == ["chat:heartbeats"])

        await until(only_us, "the nickname to be given back")
        await signed_in(node, "Alice")
        # A claim that took effect when its session was over already.
        redis_server.ask("HSET", "chat:{nicks}", fold("late"), f"s2 {node.name} 1 Late")
        redis_server.ask("HSET", "chat:{nicks}:sessions", "s2", fold("late"))
        await until(
            lambda: redis_server.ask("HKEYS", "chat:{nicks}") == [fold("alice")],
            "the other nickname to be given back",
        )


async def test_who_goes_while_claiming_anew_is_listed_nowhere(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though each room's join and leave are under way together, and answered in one read."""
    async with running_node(redis_server) as node, trio.open_nursery() as nursery:
        registry, rooms = node.context.registry, node.context.backplane.rooms
        join = rooms.join

        async def answer_together() -> None:
            await trio.testing.wait_all_tasks_blocked()
            redis_server.resume()

        async def join_as_it_goes(
            room: str, sid: str, who: str, *, term: int, name: str | None = None
        ) -> Entered:
            if (record := registry.sessions[sid]).state is SessionState.CONNECTED:
                redis_server.pause()
                nursery.start_soon(answer_together)
                registry.release(record)
            return await join(room, sid, who, term=term, name=name)

        async def no_beat(_: bytes) -> NoReturn:
            await trio.sleep_forever()

        # A heartbeat would find the new name on no register, and have all claim by itself, too.
        monkeypatch.setattr(node.context.backplane.nodes, "beat", no_beat)
        for turn in range(10):
            session = await signed_in(node, "alice")
            await session.say(f'{{"type":"join","id":"1","room":"this-{turn}"}}')
            await session.say(f'{{"type":"join","id":"2","room":"that-{turn}"}}')
            node.context.backplane.incarnation.renew()
            registry.mark_unverified(session.record)
            with monkeypatch.context() as going:
                going.setattr(rooms, "join", join_as_it_goes)
                await reclaim_on(node)
            await registry.all_released()
            assert not redis_server.ask("KEYS", "*:members"), turn
            assert not redis_server.ask("KEYS", "*nicks"), turn
