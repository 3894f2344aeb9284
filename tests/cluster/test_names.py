"""Room names and nicknames as people write them: which are one, which are refused."""
# ruff: noqa: RUF001 - letters that look alike are what this is about

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import trio

from client.session import Rejoined, open_session
from gateway import wire
from gateway.backplane.redis.schema import NUMBER
from gateway.policy.unicode_tables import VERSION
from tests import PATIENCE
from tests.cluster.people import following, two_clients
from tests.nodes import open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import WebSocketClient, connect


async def join(client: WebSocketClient, room: str) -> str:
    """Join a room; return its name or, if that is refused, the code and what it says."""
    answer = await client.ask({"type": "join", "room": room, "id": f"join-{ascii(room)[:40]}"})
    return str(answer.get("room") or f"{answer['code']} {answer.get('suggestion', '')}".strip())


async def test_all_spellings_of_a_room_are_one_room(redis_server: RedisServer) -> None:
    async with two_clients(redis_server) as (_cluster, alice, bob):
        assert await join(alice, "Café") == "Café"
        for same in ("café", "CAFE\u0301", "ｃａｆé", "ca\u00adfé", "café\u034f"):
            assert await join(bob, same) == "Café"
        presence = await alice.hear_type("presence")
        assert presence["room"] == "Café"
        answer = await bob.ask({"type": "send", "room": "CAFÉ", "text": "hi", "id": "1"})
        assert answer["seq"] == 1
        heard = await alice.hear_type("message")
        assert (heard["room"], heard["text"]) == ("Café", "hi")
        for command, field in (({"type": "members"}, "members"), ({"type": "history"}, "messages")):
            answer = await bob.ask(command | {"room": "cafe\u0301", "id": field})
            assert (answer["room"], bool(answer[field])) == ("Café", True)
        listed = (await bob.ask({"type": "rooms", "id": "r"}))["rooms"]
        assert {"room": "Café", "members": 2} in listed
        await bob.ask({"type": "typing", "room": "café", "id": "t"})
        assert (await alice.hear_type("typing"))["room"] == "Café"
        assert (await bob.ask({"type": "leave", "room": "CAFÉ", "id": "l"}))["type"] == "ok"
        answer = await bob.ask({"type": "members", "room": "café", "id": "m"})
        assert answer["code"] == "not_in_room"


async def test_what_is_sent_twice_in_two_spellings_is_delivered_once(
    redis_server: RedisServer,
) -> None:
    async with two_clients(redis_server) as (_cluster, alice, _bob):
        await alice.join("Ops")
        for room in ("Ops", "ops", "OPS"):
            answer = await alice.ask({"type": "send", "room": room, "text": "x", "id": "1"})
            assert answer["seq"] == 1


async def test_the_lobby_is_called_lobby(redis_server: RedisServer) -> None:
    async with two_clients(redis_server) as (_cluster, alice, bob):
        for name in ("LOBBY", "lobby\u034f", "ＬＯＢＢＹ", "Lobby"):
            assert await join(alice, name) == "lobby"
        for alike in ("lоbby", "Iobby", "1OBBY"):
            assert await join(bob, alike) == "room_looks_alike lobby"


async def test_a_name_that_looks_like_another_rooms_is_refused_with_that_name(
    redis_server: RedisServer,
) -> None:
    async with two_clients(redis_server) as (_cluster, alice, bob):
        assert await join(alice, "Kitchen") == "Kitchen"
        assert await join(bob, "kitсhen") == "room_looks_alike Kitchen"
        assert await join(bob, "KITCHEN") == "Kitchen"
        assert [r["room"] for r in (await bob.ask({"type": "rooms", "id": "r"}))["rooms"]] == [
            "Kitchen", "lobby",
        ]  # fmt: skip
        for client in (alice, bob):
            await client.ask({"type": "leave", "room": "kitchen", "id": "l"})
        assert await join(bob, "kitсhen") == "kitсhen", "once the other is gone"
        assert await join(alice, "Kitchen") == "room_looks_alike kitсhen"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("می\u200cخواهم", "می\u200cخواهم"), ("👩\u200d🚒", "👩\u200d🚒"), ("❤\ufe0f", "❤\ufe0f"),
        ("foo\u200cbar", "foobar"), ("ㅤ", "bad_room"), ("\u0301x", "bad_room"),
        ("ไทย", "ไทย"), ("日本語", "日本語"),
    ],
)  # fmt: skip
async def test_invisible_characters_stay_where_they_do_something(
    redis_server: RedisServer, name: str, shown: str
) -> None:
    async with two_clients(redis_server) as (_cluster, alice, _bob):
        assert await join(alice, name) == shown


async def test_nicknames_that_look_the_same_are_taken_and_strange_ones_refused(
    redis_server: RedisServer,
) -> None:
    async with (
        open_cluster(redis_server, 2, unicode_nicks="true") as cluster,
        connect(cluster.urls[0], "Bobl") as bob,
        connect(cluster.urls[1]) as other,
    ):

        async def hello(nick: str) -> dict[str, Any]:
            return await other.ask({"type": "hello", "nick": nick, "id": ascii(nick)[:64]})

        for nick in ("Bob1", "b0bI", "BOB|", "Ｂｏｂｌ", "ВоЬ1", "bobl"):
            assert (await hello(nick))["code"] in {"nick_taken", "bad_nick"}, nick
        assert (await hello("B0b1"))["suggestion"] == "B0b1_"
        for nick in ("аlice", "αlice", "al\u034fice", "al\u200cice", "\u0301ab", "a\u05b4b", "ㅤㅤ"):
            assert (await hello(nick))["code"] == "bad_nick", nick
        began = trio.current_time()
        longest = {"type": "hello", "nick": "\u30fb" * 5317, "id": "x"}
        answer = await other.ask(json.dumps(longest, ensure_ascii=False))
        assert answer["code"] == "bad_nick"
        assert trio.current_time() - began < PATIENCE / 2
        assert (await hello("rnary"))["nick"] == "rnary"
        direct = {"type": "direct", "to": "MARY", "text": "hi", "id": "d"}
        assert (await bob.ask(direct))["type"] == "ok"


@pytest.mark.parametrize(
    ("schema", "unicode", "said"),
    [
        ("2", None, f"are of schema 2, this release has {NUMBER}: stop the nodes of the other"),
        (str(NUMBER), "17.0.0", f"compared by Unicode 17.0.0, this node has {VERSION}: run the"),
    ],
)
async def test_a_node_says_of_which_release_the_data_are_and_does_not_serve(
    redis_server: RedisServer, schema: str, unicode: str | None, said: str
) -> None:
    async with open_cluster(redis_server, 1) as cluster:
        redis_server.ask("SET", "chat:schema", schema)
        if unicode is not None:
            redis_server.ask("SET", "chat:unicode", unicode)
        command = [sys.executable, "-m", "gateway", "serve", "--port", "0"]
        done = await trio.run_process(
            [*command, "--redis", redis_server.url],
            check=False, capture_stdout=True, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert done.returncode == 2
        assert done.stdout.decode().count("\n") == 1
        assert said in done.stdout.decode()
        [node] = cluster.nodes

        async def says_so() -> bool:
            return said in (await node.not_ready())[1]

        await until(says_so, "a node that runs to say so, too")


async def test_the_client_follows_the_name_of_a_room(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 2) as cluster,
        open_session([cluster.urls[0]], nick="Alice") as alice,
        open_session(cluster.urls, nick="Bob") as bob,
    ):
        assert (await alice.join("Kitchen")).room == "Kitchen"
        assert (await bob.join("KITCHEN")).room == "Kitchen"
        assert bob.rooms == ["Kitchen"]
        assert await bob.send("KITCHEN", "one") == 1
        assert await bob.send("kitchen", "two") == 2
        heard = await following(bob, wire.Message, 2)
        assert [(message.room, message.text) for message in heard] == [
            ("Kitchen", "one"), ("Kitchen", "two"),
        ]  # fmt: skip
        assert (await bob.members("KITCHEN")).room == "Kitchen"
        await bob.leave("KITCHEN")
        assert bob.rooms == []


async def test_the_client_learns_that_a_room_was_made_again_under_another_spelling(
    redis_server: RedisServer,
) -> None:
    async with (
        open_cluster(redis_server, 2) as cluster,
        open_session([cluster.urls[0]], nick="Alice") as alice,
        connect(cluster.urls[1], "Bob") as bob,
    ):
        await alice.join("Kitchen")
        cluster.nodes[0].pause()
        redis_server.ask("DEL", "chat:{room:kitchen}:meta", "chat:{room:kitchen}:members")
        assert await join(bob, "KITCHEN") == "KITCHEN"
        alice.urls[:] = [cluster.urls[1]]
        await cluster.nodes[0].kill()
        with trio.fail_after(PATIENCE):
            async for event in alice.events:
                if isinstance(event, Rejoined):
                    break
        assert isinstance(event, Rejoined)
        assert (event.was, event.joined.room) == ("Kitchen", "KITCHEN")
        assert alice.rooms == ["KITCHEN"]
