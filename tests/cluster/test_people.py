"""What people tell each other besides messages in rooms, on two nodes: directs, status, typing."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import trio

from client.session import CommandError, open_session
from gateway import wire
from tests import PATIENCE
from tests.cluster.people import following, two_clients, two_sessions
from tests.nodes import open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import WebSocketClient, connect


def direct(to: str, text: str, id: str) -> dict[str, Any]:  # noqa: A002
    return {"type": "direct", "to": to, "text": text, "id": id}


async def next_of(client: WebSocketClient, kind: str) -> dict[str, Any]:
    """The next frame must be of this type: nothing else was told in between."""
    frame = await client.hear()
    assert frame["type"] == kind, frame
    return frame


async def quiet(client: WebSocketClient) -> None:
    """Nothing has come before the answer to a ping."""
    await client.say({"type": "ping", "id": "quiet?"})
    assert (await client.hear()) == {"type": "ok", "id": "quiet?"}


# --- direct messages ------------------------------------------------------------------------------


async def test_two_people_on_two_nodes_write_to_each_other(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 2) as cluster,
        open_session([cluster.urls[0]], nick="Alice") as alice,
        open_session([cluster.urls[1]], nick="Bob") as bob,
    ):
        assert await alice.direct("bob", "Hello, Bob!") == 1
        assert [(d.sender, d.to, d.text) for d in await following(bob, wire.DirectMessage, 1)] == [
            ("Alice", "Bob", "Hello, Bob!")
        ]
        assert await bob.direct("ALICE", "Hello, Alice!") == 2
        heard = await following(alice, wire.DirectMessage, 2)
        assert [(d.seq, d.sender, d.to, d.text) for d in heard] == [
            (1, "Alice", "Bob", "Hello, Bob!"),
            (2, "Bob", "Alice", "Hello, Alice!"),
        ]
        assert await alice.direct("Alice", "Note to myself") == 3
        assert [d.text for d in await following(alice, wire.DirectMessage, 1)] == ["Note to myself"]
        with pytest.raises(CommandError) as refused:
            await alice.direct("nobody", "Hello?")
        assert refused.value.code == "no_such_nick"
        assert [d.text for d in await following(bob, wire.DirectMessage, 1)] == ["Hello, Alice!"]


async def test_the_same_id_is_delivered_once(redis_server: RedisServer) -> None:
    async with two_clients(redis_server) as (_, alice, bob):
        for _ in range(3):
            await alice.say(direct("bob", "once", "1"))
            assert (await alice.hear_type("ok", "error"))["seq"] == 1
        assert (await alice.ask(direct("bob", "twice", "2")))["seq"] == 2
        assert [(await next_of(bob, "direct"))["text"] for _ in range(2)] == ["once", "twice"]
        await quiet(bob)
        # An id is its sender's own.
        assert (await bob.ask(direct("alice", "mine", "1")))["seq"] == 3


async def test_it_is_whoever_has_the_nickname_now(redis_server: RedisServer) -> None:
    async with two_sessions(redis_server) as (cluster, alice, bob):
        await bob.rename("robert")
        with pytest.raises(CommandError):
            await alice.direct("bob", "Hello?")
        async with open_session([cluster.urls[0]], nick="bob") as other:
            await alice.direct("bob", "to the other")
            await alice.direct("robert", "to him")
            assert [d.text for d in await following(other, wire.DirectMessage, 1)] == [
                "to the other"
            ]
            assert [d.text for d in await following(bob, wire.DirectMessage, 1)] == ["to him"]


async def test_a_thousand_in_order_with_redis_restarted_in_the_middle(
    redis_server: RedisServer,
) -> None:
    total = 1000
    async with (
        two_sessions(redis_server) as (cluster, alice, bob),
        trio.open_nursery() as nursery,
    ):
        halfway = trio.Event()

        async def write() -> None:
            for number in range(total):
                seq = await alice.direct("bob", str(number))
                assert seq == number + 1
                if number == total // 2:
                    halfway.set()

        nursery.start_soon(write)
        with trio.fail_after(PATIENCE):
            await halfway.wait()
        await redis_server.stop()
        await redis_server.start()
        for session in (alice, bob):
            heard = await following(session, wire.DirectMessage, total)
            assert [d.seq for d in heard] == list(range(1, total + 1))
            assert [d.text for d in heard] == [str(number) for number in range(total)]
        assert not any(node.errors for node in cluster.nodes)


async def test_what_the_subscription_did_not_bring_is_read_from_the_log(
    redis_server: RedisServer,
) -> None:
    async with two_clients(redis_server) as (_, alice, bob):
        for number in range(20):
            redis_server.ask("CLIENT", "KILL", "TYPE", "pubsub")
            assert (await alice.ask(direct("bob", str(number), str(number))))["type"] == "ok"
        heard = [await bob.hear_type("direct") for _ in range(20)]
        assert [d["text"] for d in heard] == [str(number) for number in range(20)]


async def test_after_redis_lost_everything_the_conversation_goes_on(
    redis_server: RedisServer,
) -> None:
    async with two_clients(redis_server) as (_, alice, bob):
        for number in range(3):
            await alice.ask(direct("bob", str(number), str(number)))
            await next_of(bob, "direct")
        redis_server.ask("FLUSHALL")
        numbers = itertools.count(3)

        async def claimed_again() -> bool:
            number = str(next(numbers))
            answer = await alice.ask(direct("bob", "again", number))
            return bool(answer["type"] == "ok")

        await until(claimed_again, "bob to be found again")
        heard = await bob.hear_type("direct")
        assert (heard["text"], heard["seq"]) == ("again", 1)


async def test_an_inbox_is_gone_with_its_session(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 2) as cluster,
        open_session([cluster.urls[1]], nick="bob") as bob,
    ):
        async with open_session([cluster.urls[0]], nick="alice") as alice:
            await alice.direct("bob", "Hello!")
            keys = redis_server.ask("KEYS", "chat:{inbox:*")
            assert len(keys) == 6
            assert {redis_server.ask("PTTL", key) for key in keys} == {-1}
        await until(lambda: len(redis_server.ask("KEYS", "chat:{inbox:*")) == 3, "the inbox to go")
        assert [d.text for d in await following(bob, wire.DirectMessage, 1)] == ["Hello!"]


async def test_who_comes_back_elsewhere_gets_the_directs_missed_and_keeps_the_status(
    redis_server: RedisServer,
) -> None:
    async with (
        open_cluster(redis_server, 2) as cluster,
        connect(cluster.urls[0], "alice") as alice,
        connect(cluster.urls[0]) as again,
    ):
        async with connect(cluster.urls[1]) as bob:
            welcome = await bob.ask({"type": "hello", "nick": "bob"})
            assert "inbox" not in welcome
            await bob.ask({"type": "status", "state": "busy", "text": "at it", "id": "s"})
            await alice.ask(direct("bob", "seen", "0"))
            seen = await bob.hear_type("direct")
            await bob.break_off()
        for number in range(1, 4):
            assert (await alice.ask(direct("bob", f"missed {number}", str(number))))["type"] == "ok"
        inbox = {"epoch": seen["epoch"], "seq": seen["seq"]}
        hello = {"type": "hello", "resume": welcome["session"], "inbox": inbox}
        back = await again.ask(hello)
        assert (back["resumed"], back["recovered"]) == (True, True)
        assert [(d["seq"], d["text"]) for d in back["directs"]] == [
            (2, "missed 1"), (3, "missed 2"), (4, "missed 3"),
        ]  # fmt: skip
        assert back["inbox"] == inbox | {"seq": 4, "id": "3"}
        await alice.ask(direct("bob", "live", "4"))
        assert (await next_of(again, "direct"))["seq"] == 5
        await again.say(direct("alice", "well?", "1"))
        answers = [await again.hear() for _ in range(2)]
        assert {frame["type"]: frame["seq"] for frame in answers} == {"ok": 6, "direct": 6}
        members = (await again.join())["members"]
        assert members == [{"nick": "bob", "state": "busy", "text": "at it"}]


async def test_a_session_whose_node_dies_misses_no_direct(redis_server: RedisServer) -> None:
    total = 300
    async with (
        open_cluster(redis_server, 3) as cluster,
        open_session([cluster.urls[0]], nick="alice") as alice,
        open_session([cluster.urls[1]], nick="bob") as bob,
        trio.open_nursery() as nursery,
    ):
        bob.urls.append(cluster.urls[2])
        halfway = trio.Event()

        async def write() -> None:
            for number in range(total):
                await alice.direct("bob", str(number))
                if number == total // 2:
                    halfway.set()

        nursery.start_soon(write)
        await halfway.wait()
        await cluster.nodes[1].kill()
        heard = await following(bob, wire.DirectMessage, total)
        assert [d.text for d in heard] == [str(number) for number in range(total)]
        assert [d.seq for d in heard] == list(range(1, total + 1))
        assert len({d.epoch for d in heard}) == 1, "it is one session all the while"


# --- status ---------------------------------------------------------------------------------------


async def test_a_status_is_told_on_every_node(redis_server: RedisServer) -> None:
    async with two_clients(redis_server, room="lobby") as (cluster, alice, bob):
        while (await alice.hear_type("presence"))["version"] < 2:
            pass
        away = {"type": "status", "state": "away", "text": "back  at 3 ☕", "id": "s"}
        assert await bob.ask(away) == {"type": "ok", "id": "s"}
        told = await alice.hear_type("presence")
        status = {"state": "away", "text": "back  at 3 ☕"}
        assert told["changed"] == [{"nick": "bob", "was": "bob"} | status]
        # Again, a rename, and joining again keep it.
        await bob.ask(away | {"id": "s2"})
        await bob.ask({"type": "nick", "nick": "rob", "id": "n"})
        told = await alice.hear_type("presence")
        assert told["changed"] == [{"nick": "rob", "was": "bob"} | status]
        await bob.ask({"type": "leave", "room": "lobby", "id": "l"})
        assert (await alice.hear_type("presence"))["left"] == ["rob"]
        answer = await bob.join()
        assert {"nick": "rob"} | status in answer["members"]
        told = await alice.hear_type("presence")
        assert told["joined"] == [{"nick": "rob"} | status]
        listing = await alice.ask({"type": "members", "room": "lobby", "id": "m"})
        assert listing["members"] == [{"nick": "alice"}, {"nick": "rob"} | status]
        async with connect(cluster.urls[0], "carol") as carol:
            assert {"nick": "rob"} | status in (await carol.join())["members"]
        await bob.ask({"type": "status", "state": "online", "id": "s3"})
        while "changed" not in (told := await alice.hear_type("presence")):
            pass
        assert told["changed"] == [{"nick": "rob", "was": "rob"}]


async def test_a_session_that_comes_back_tells_its_status_again(redis_server: RedisServer) -> None:
    async with two_sessions(redis_server) as (cluster, alice, bob):
        for session in (alice, bob):
            await session.join("lobby")
        await bob.set_status("busy", "release day")
        bob.urls[:] = [cluster.urls[0]]
        await cluster.nodes[1].kill()
        busy = wire.Member(nick="bob", state="busy", text="release day")

        async def listed() -> bool:
            members = (await alice.members("lobby")).members
            return busy in members and bob.connected

        await until(listed, "bob to be listed as busy again")


# --- typing ---------------------------------------------------------------------------------------


async def test_typing_is_told_to_the_others_and_not_too_often(redis_server: RedisServer) -> None:
    async with (
        two_clients(redis_server, room="lobby") as (cluster, alice, bob),
        connect(cluster.urls[0], "carol") as carol,
    ):
        while (await alice.hear_type("presence"))["version"] < 2:
            pass
        typing = {"type": "typing", "room": "lobby", "id": "t"}
        for _ in range(3):
            await alice.say(typing)
        for _ in range(3):
            assert await alice.hear_type("ok", "error") == {"type": "ok", "id": "t"}
        assert await bob.hear_type("typing") == {"type": "typing", "room": "lobby", "nick": "alice"}
        await alice.say({"type": "send", "room": "lobby", "text": "so", "id": "1"})
        await next_of(bob, "message")  # one of three was passed on
        # And none to oneself.
        assert {(await alice.hear())["type"] for _ in range(2)} == {"ok", "message"}
        for _ in range(2):
            await alice.say({"type": "typing", "to": "BOB", "id": "t"})
        assert await next_of(bob, "typing") == {"type": "typing", "nick": "alice"}
        await alice.ask(direct("bob", "so", "2"))
        await next_of(bob, "direct")
        await carol.say({"type": "typing", "to": "carol", "id": "t"})
        await next_of(carol, "ok")
        await quiet(carol)


async def test_typing_is_passed_on_again_after_two_seconds(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 1) as cluster,
        open_session(cluster.urls, nick="alice") as alice,
        connect(cluster.urls[0], "bob") as bob,
    ):
        began = trio.current_time()
        await alice.typing(to="bob")
        await next_of(bob, "typing")

        async def passed_on() -> bool:
            await alice.typing(to="bob")
            with trio.move_on_after(0.2):
                return bool((await bob.hear())["type"] == "typing")
            return False

        await until(passed_on, "typing to be passed on again")
        assert trio.current_time() - began > 1.5
        with pytest.raises(CommandError) as refused:
            await alice.typing(room="elsewhere")
        assert refused.value.code == "not_in_room"
