"""Registering: newcomers and guests, once however often it is tried, and whoever is refused."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest
import trio

from tests.cluster.accounts import ANOTHER, PASSWORD, hello, outcome, register, registered
from tests.nodes import administer, open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import connect


def accounts(server: RedisServer) -> dict[str, str]:
    """The accounts in Redis, by their folded nicknames."""
    found: dict[str, str] = server.ask("HGETALL", "chat:{nicks}:accounts")
    return found


async def test_a_guest_who_registers_stays_where_they_are(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 2) as cluster,
        connect(cluster.urls[0], "Alice") as alice,
        connect(cluster.urls[1], "Bob") as bob,
    ):
        for client in (alice, bob):
            await client.join("lobby")
        await until(lambda: bob.lists("Alice", "Bob"), "both to be listed")
        welcome = await register(alice, "Alice")
        assert welcome["rooms"] == [{"room": "lobby", "seq": 0, "read": 0}]
        presence = await bob.hear_type("presence")
        while not presence.get("changed"):
            assert "left" not in presence
            presence = await bob.hear_type("presence")
        assert presence["changed"] == [{"nick": "Alice", "was": "Alice", "registered": True}]
        send = {"type": "send", "room": "lobby", "text": "still here", "id": "s"}
        assert (await alice.ask(send))["type"] == "ok"
        assert (await bob.hear_type("message"))["from"] == "Alice"
        assert (await bob.ask(send | {"text": "so am I", "id": "t"}))["type"] == "ok"
        heard = await alice.hear_type("message")
        while heard["from"] != "Bob":
            heard = await alice.hear_type("message")
        assert await register(alice, "Alice") == welcome, "the same command"
        again = await register(alice, "Other")
        assert again["code"] == "forbidden"


async def test_a_guest_may_register_under_another_nickname(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 1) as cluster,
        connect(cluster.urls[0], "Alice") as alice,
        connect(cluster.urls[0], "Bob") as bob,
    ):
        for client in (alice, bob):
            await client.join("lobby")
        assert (await register(alice, "Alicia"))["nick"] == "Alicia"
        await until(lambda: bob.lists("Alicia", "Bob"), "the new nickname to be listed")
        assert await bob.rename("Alice"), "the guest's nickname is free"


async def test_a_registration_that_is_repeated_is_made_once(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 2) as cluster:
        first, second = cluster.urls
        async with registered(first, "Alice") as (_, welcome), connect(second) as client:
            again = await register(client, "Alice")
            assert again["account"] == welcome["account"]
            assert again["device"] == welcome["device"]
            assert list(accounts(redis_server).values()) == [welcome["account"]]
        async with connect(second) as client:
            other = await register(client, "Alice", password=ANOTHER)
            assert outcome(other) == ("nick_taken", "registered")
            another_id = await register(client, "Alice", id="another")
            assert outcome(another_id) == ("nick_taken", "registered")


async def test_of_many_who_want_a_nickname_at_the_same_time_one_gets_it(
    redis_server: RedisServer,
) -> None:
    answers: list[dict[str, Any]] = []

    async def want(url: str, number: int) -> None:
        async with connect(url) as client:
            answers.append(await register(client, "Alice", id=f"r{number}"))

    async with open_cluster(redis_server, 2) as cluster:
        async with trio.open_nursery() as nursery:
            for number in range(6):
                nursery.start_soon(want, cluster.urls[number % 2], number)
        assert [answer["type"] for answer in answers].count("welcome") == 1
        codes = {answer["code"] for answer in answers if answer["type"] == "error"}
        assert codes <= {"nick_taken", "too_fast"}
        assert len(redis_server.ask("KEYS", "chat:{account:*}:meta")) == 1


@pytest.mark.parametrize(
    ("fields", "code", "reason"),
    [
        ({"password": "short"}, "bad_password", "short"),
        ({"password": "p" * 1_025}, "bad_password", "long"),
        ({"password": f"{PASSWORD}\n"}, "bad_password", "characters"),
        ({"password": "passwordpassword"}, "weak_password", "repeated_part"),
        ({"nick": "a"}, "bad_nick", None),
        ({"nick": "two words"}, "bad_nick", None),
        ({"nick": "Bob"}, "nick_taken", None),
        ({"nick": "8ob"}, None, None),
        ({"nick": "Carol"}, "nick_taken", "registered"),
        ({"nick": "caro1"}, "nick_taken", "registered"),
        ({"device": "d" * 65}, "bad_device", None),
        ({"device": "a\x00b"}, "bad_device", None),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_made(
    redis_server: RedisServer, fields: dict[str, str], code: str | None, reason: str | None
) -> None:
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(open_cluster(redis_server, 1))
        url = cluster.urls[0]
        await stack.enter_async_context(connect(url, "Bob"))
        await stack.enter_async_context(registered(url, "Carol"))
        client = await stack.enter_async_context(connect(url))
        before = accounts(redis_server)
        answer = await register(client, **({"nick": "Alice", "id": "mine"} | fields))
        if code is None:
            assert answer["type"] == "welcome"
            return
        assert outcome(answer) == (code, reason)
        assert accounts(redis_server) == before
        assert len(redis_server.ask("KEYS", "chat:{account:*}:meta")) == 1
        assert (await hello(client, nick="Dave"))["type"] == "welcome"


async def test_registration_can_be_closed(redis_server: RedisServer) -> None:
    async with (
        open_cluster(redis_server, 1, registration="closed") as cluster,
        connect(cluster.urls[0]) as client,
    ):
        assert outcome(await register(client, "Alice"))[0] == "registration_closed"
        added = await administer(
            "user", "add", "Alice", "--role", "owner", redis=redis_server.url, stdin=PASSWORD
        )
        assert added.returncode == 0, added.stderr
        assert (await hello(client, nick="Alice", password=PASSWORD))["role"] == "owner"


async def test_an_invitation_is_used_once(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 1, registration="invite") as cluster:
        made = await administer("invite", "create", redis=redis_server.url)
        code = next(word for word in made.stdout.split() if word.count("-") == 3)
        async with connect(cluster.urls[0]) as client:
            assert outcome(await register(client, "Alice")) == ("bad_invite", "unknown")
            wrong = await register(client, "Alice", invite="AAAA-BBBB-CCCC-DDDD")
            assert outcome(wrong) == ("bad_invite", "unknown")
            taken = await register(client, "a", invite=code)
            assert outcome(taken)[0] == "bad_nick"
            welcome = await register(client, "Alice", invite=code.lower())
            assert (welcome["type"], welcome["limits"]["registration"]) == ("welcome", "invite")
        async with connect(cluster.urls[0]) as client:
            used = await register(client, "Bob", invite=code)
            assert outcome(used) == ("bad_invite", "used")


async def test_an_invitation_is_given_back_if_the_nickname_is_taken(
    redis_server: RedisServer,
) -> None:
    async with open_cluster(redis_server, 1, registration="invite") as cluster:
        made = await administer("invite", "create", redis=redis_server.url)
        code = next(word for word in made.stdout.split() if word.count("-") == 3)
        async with connect(cluster.urls[0], "Bob"), connect(cluster.urls[0]) as client:
            assert (await register(client, "Bob", invite=code))["code"] == "nick_taken"
            assert (await register(client, "Alice", invite=code))["type"] == "welcome"


async def test_there_may_be_no_guests(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 1, guests="off") as cluster:
        assert any(line["event"] == "anybody may register" for line in cluster.nodes[0].log)
        async with connect(cluster.urls[0]) as client:
            assert outcome(await hello(client, nick="Alice"))[0] == "guests_off"
            assert (await register(client, "Alice"))["type"] == "welcome"


async def test_nicknames_of_guests_may_need_a_prefix(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 1, guest_prefix="guest-") as cluster:
        async with connect(cluster.urls[0]) as client:
            refused = await hello(client, nick="Alice")
            assert (refused["code"], refused["suggestion"]) == ("guests_off", "guest-Alice")
            assert (await hello(client, nick="guest-Alice"))["type"] == "welcome"
            assert (await client.ask({"type": "nick", "nick": "Al", "id": "n"}))["code"] == (
                "guests_off"
            )
        async with connect(cluster.urls[0]) as client:
            assert (await register(client, "guest-Bob"))["code"] == "bad_nick"
            assert (await register(client, "Alice"))["type"] == "welcome"


async def test_while_redis_is_away_a_registration_can_be_tried_again(
    redis_server: RedisServer,
) -> None:
    async with (
        open_cluster(redis_server, 1, redis_timeout=1) as cluster,
        connect(cluster.urls[0]) as client,
    ):
        redis_server.pause()
        assert (await register(client, "Alice"))["code"] == "unavailable"
        redis_server.resume()
        await cluster.nodes[0].ready()
        answer = await register(client, "Alice")
        assert answer["type"] == "welcome"
        assert len(redis_server.ask("KEYS", "chat:{account:*}:meta")) == 1
