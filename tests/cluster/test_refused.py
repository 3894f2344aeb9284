"""What fails in the middle, or changes while it is read, leaves no half of it behind."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gateway.backplane import Backplane, Unavailable
from gateway.sessions.states import RoomState
from tests.cluster.inside import Client, command, reclaim_on, running_node, signed_in
from tests.redis_server import RedisServer
from tests.waiting import until


async def test_who_cannot_join_again_has_the_grace_time_for_it(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is to be told very much follows the room no more until it has been."""
    monkeypatch.setattr("gateway.delivery.history.MOST_AT_ONCE", 5)
    async with running_node(redis_server, grace=60) as node:
        session = await signed_in(node, "alice")
        await command(session, "join", room="lobby")
        room = node.context.relay.rooms["lobby"]
        for number in range(20):
            say = {"type": "send", "room": "lobby", "text": "hi", "id": str(number)}
            await session.say(json.dumps(say))
        await until(lambda: room.position == 20, "all to be heard")
        read = node.context.backplane.rooms.messages_before

        async def read_once(*page: Any) -> list[bytes]:
            messages = await read(*page)
            monkeypatch.setattr(node.context.backplane.rooms, "messages_before", lost)
            return messages

        async def lost(*_: Any) -> list[bytes]:
            await trio.lowlevel.checkpoint()
            raise Unavailable("the answer was lost")

        monkeypatch.setattr(node.context.backplane.rooms, "messages_before", read_once)
        room.recent.cut(0)
        again = {"room": "lobby", "since": {"epoch": room.epoch, "seq": 2}}
        await command(session, "join", **again)
        assert session.record.rooms == {"lobby": RoomState.PARKED}
        assert "lobby" not in node.context.relay.rooms
        monkeypatch.setattr(node.context.backplane.rooms, "messages_before", read)
        await command(session, "join", **again)
        assert session.record.rooms == {"lobby": RoomState.FOLLOWED}
        assert node.context.relay.rooms["lobby"].has(session.sid)
        session.end()


async def test_a_room_that_could_not_be_opened_is_opened_for_whoever_comes_next(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though not all who waited for it have taken note: there may always be some."""
    async with running_node(redis_server) as node:
        relay, rooms = node.context.relay, node.context.backplane.rooms
        asked = trio.Event()

        async def refuse(*_: str) -> None:
            await asked.wait()
            raise Unavailable("the answer was lost")

        async def come_in_vain() -> None:
            with pytest.raises(Unavailable):
                async with relay.holding("lobby"):
                    raise AssertionError("opened")

        with monkeypatch.context() as away:
            away.setattr(rooms, "register", refuse)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(come_in_vain)
                await wait_all_tasks_blocked()
                relay.rooms["lobby"].holds += 1
                asked.set()
        async with relay.holding("lobby") as room:
            assert room.position == 0


async def test_a_secret_of_ones_own_is_nobodys_until_redis_is_there(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hello = {"nick": "alice", "session": "s" * 22}
    async with running_node(redis_server) as node:
        one = Client(node)
        other = Client(node)
        with monkeypatch.context() as away:
            away.setattr(Backplane, "connected", False)
            await command(one, "hello", **hello)
        await command(other, "hello", **hello)
        await command(one, "hello", **hello)
        assert (one.nick, other.nick) == ("", "alice")
        assert node.context.registry.sessions == {other.sid: other.record}
        one.end()
        other.end(goodbye=True)
        await node.context.registry.all_released()


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

        async def gone_is_released() -> bool:
            attic = redis_server.ask("EXISTS", "chat:{room:attic}:members")
            return not attic and redis_server.ask("HKEYS", "chat:heartbeats") == [node.name]

        await until(gone_is_released, "the dead node to be released")


async def test_a_hello_in_doubt_can_be_taken_up_over_the_same_connection(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_node(redis_server) as node:
        nicks, registry = node.context.backplane.nicks, node.context.registry
        claim = nicks.claim

        async def claim_in_vain(*who: str, **_: Any) -> int:
            await claim(*who)
            raise Unavailable("the answer was lost")

        session = Client(node)
        with monkeypatch.context() as unheard:
            unheard.setattr(nicks, "claim", claim_in_vain)
            await command(session, "hello", nick="alice", session="s" * 22)
        assert session.nick == ""
        await command(session, "hello", resume="s" * 22)
        assert session.nick == "alice"
        assert session.session.is_attached()
        assert registry.sessions == {session.sid: session.record}
        assert not session.record.is_to_be_released
        session.end(goodbye=True)
        await registry.all_released()


async def test_what_somebody_else_put_into_an_inbox_is_passed_over(
    redis_server: RedisServer,
) -> None:
    async with running_node(redis_server) as node:
        alice = Client(node)
        bob = Client(node)
        await command(alice, "hello", nick="alice")
        await command(bob, "hello", nick="bob")
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
