"""What fails in the middle, or changes while it is read, leaves no half of it behind."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gateway.backplane import Backplane, Unavailable
from gateway.sessions.states import RoomState
from tests.cluster.inside import Client, command, running_node, signed_in, unheard
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
    hello = {"nick": "alice", "session": "s" + "0123456789abcdefghijk"}
    async with running_node(redis_server) as node:
        one, other = Client(node), Client(node)
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


async def test_a_hello_in_doubt_can_be_taken_up_over_the_same_connection(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_node(redis_server) as node:
        nicks, registry = node.context.backplane.nicks, node.context.registry
        session = Client(node)
        with monkeypatch.context() as lost:
            lost.setattr(nicks, "claim", unheard(nicks.claim))
            await command(session, "hello", nick="alice", session="s" + "0123456789abcdefghijk")
        assert session.nick == ""
        await command(session, "hello", resume="s" + "0123456789abcdefghijk")
        assert session.nick == "alice"
        assert session.session.is_attached()
        assert registry.sessions == {session.sid: session.record}
        assert not session.record.is_to_be_released
        session.end(goodbye=True)
        await registry.all_released()
