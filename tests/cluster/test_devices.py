"""One person on several devices: what one of them does holds for all, on every node."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest

from gateway.wire.close_codes import ACCOUNT_CLOSED, SIGNED_OUT
from tests.cluster.accounts import ANOTHER, PASSWORD, hello, outcome, registered, signed_in
from tests.nodes import Cluster, open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import WebSocketClient, connect


class Devices(NamedTuple):
    """Alice's laptop on the first node and her phone on the second; Bob, a guest, on the second."""

    cluster: Cluster
    laptop: WebSocketClient
    phone: WebSocketClient
    bob: WebSocketClient
    token: str
    phone_token: str


@asynccontextmanager
async def two_devices(redis_server: RedisServer, room: str = "lobby") -> AsyncIterator[Devices]:
    """All of them in a room."""
    async with open_cluster(redis_server, 2) as cluster:
        first, second = cluster.urls
        async with (
            registered(first, "Alice", device="laptop") as (laptop, made),
            signed_in(second, nick="Alice", password=PASSWORD, device="phone") as (phone, other),
            connect(second, "Bob") as bob,
        ):
            for client in (laptop, phone, bob):
                assert (await client.join(room))["type"] == "ok"
            await until(lambda: bob.lists("Alice", "Bob", room=room), "both to be listed")
            yield Devices(cluster, laptop, phone, bob, made["token"], other["token"])


async def ask(client: WebSocketClient, type: str, **fields: object) -> dict[str, Any]:  # noqa: A002
    """Send a command that must succeed."""
    answer = await client.ask({"type": type, "id": f"{type}-{fields}"[:60]} | fields)
    assert answer["type"] == "ok", answer
    return answer


async def test_a_room_lists_a_person_once(redis_server: RedisServer) -> None:
    async with two_devices(redis_server) as (_, laptop, phone, bob, *_rest):
        page = await bob.ask({"type": "members", "room": "lobby", "id": "m"})
        assert page["members"] == [{"nick": "Alice", "registered": True}, {"nick": "Bob"}]
        listing = await bob.ask({"type": "rooms", "id": "r"})
        assert {"room": "lobby", "members": 2} in listing["rooms"]
        await laptop.close()
        assert await bob.lists("Alice", "Bob")
        await phone.close()
        presence = await bob.hear_type("presence")
        assert presence["left"] == ["Alice"]


async def test_what_one_device_reads_the_others_know(redis_server: RedisServer) -> None:
    async with two_devices(redis_server) as (cluster, laptop, phone, bob, token, _):
        for number in range(3):
            await ask(bob, "send", room="lobby", text=f"hello {number}, @Alice")
        await ask(laptop, "read", room="lobby", seq=2)
        assert await phone.hear_type("read") == {"type": "read", "room": "lobby", "seq": 2}
        await ask(laptop, "read", room="lobby", seq=1)
        async with signed_in(cluster.urls[1], token=token) as (_, welcome):
            lobby = {"room": "lobby", "seq": 3, "read": 2, "unread": 1, "mentions": 1}
            assert welcome["rooms"] == [lobby]


async def test_rooms_are_joined_and_left_together(redis_server: RedisServer) -> None:
    async with two_devices(redis_server) as (_, laptop, phone, bob, *_rest):
        await laptop.join("cafe")
        assert await phone.hear_type("joined") == {"type": "joined", "room": "cafe"}
        await phone.join("cafe")
        await bob.join("cafe")
        await ask(phone, "leave", room="cafe")
        assert await laptop.hear_type("left") == {"type": "left", "room": "cafe"}
        await until(lambda: bob.lists("Bob", room="cafe"), "the person to be gone")
        refused = await laptop.ask({"type": "send", "room": "cafe", "text": "hi", "id": "s"})
        assert refused["code"] == "not_in_room"


async def test_whoever_is_idle_on_all_devices_is_away(redis_server: RedisServer) -> None:
    async with two_devices(redis_server) as (_, laptop, phone, bob, *_rest):
        await ask(laptop, "status", state="busy", text="writing")
        assert (await bob.hear_type("presence"))["changed"] == [
            {
                "nick": "Alice",
                "was": "Alice",
                "state": "busy",
                "text": "writing",
                "registered": True,
            }
        ]
        await ask(phone, "idle", idle=True)
        await ask(laptop, "idle", idle=True)
        [away] = (await bob.hear_type("presence"))["changed"]
        assert (away["state"], away["text"]) == ("away", "writing")
        await ask(phone, "idle", idle=False)
        [back] = (await bob.hear_type("presence"))["changed"]
        assert (back["state"], back["text"]) == ("busy", "writing")


async def test_a_renamed_account_is_one_change_on_all_devices(redis_server: RedisServer) -> None:
    async with two_devices(redis_server) as (cluster, laptop, phone, bob, token, _):
        await ask(laptop, "nick", nick="Alicia")
        presence = await bob.hear_type("presence")
        assert presence["changed"] == [{"nick": "Alicia", "was": "Alice", "registered": True}]
        assert "joined" not in presence
        await ask(phone, "send", room="lobby", text="still me")
        assert (await bob.hear_type("message"))["from"] == "Alicia"
        async with signed_in(cluster.urls[1], token=token) as (_, welcome):
            assert welcome["nick"] == "Alicia"
        async with connect(cluster.urls[0]) as client:
            assert (await hello(client, nick="Alice"))["type"] == "welcome", "it is free"
        refused = await laptop.ask({"type": "nick", "nick": "Bob", "id": "b"})
        assert refused["code"] == "nick_taken"


async def test_a_revoked_device_is_out_on_every_path(redis_server: RedisServer) -> None:
    async with two_devices(redis_server) as (cluster, laptop, phone, _, _token, phone_token):
        listed = await ask(laptop, "devices")
        current = {each["name"]: each.get("current", False) for each in listed["devices"]}
        assert current == {"laptop": True, "phone": False}
        await ask(laptop, "revoke", device=phone_token.split(".")[1])
        assert (await phone.hear_type("notice"))["code"] == "signed_out"
        assert await phone.closed() == SIGNED_OUT.code
        for url in cluster.urls:
            async with connect(url) as client:
                assert outcome(await hello(client, token=phone_token)) == ("bad_token", "revoked")


@pytest.mark.parametrize("node", [0, 1])
async def test_a_parked_session_of_a_revoked_device_cannot_be_resumed(
    redis_server: RedisServer, node: int
) -> None:
    async with open_cluster(redis_server, 2) as cluster:
        first, second = cluster.urls
        async with (
            registered(first, "Alice") as (laptop, _),
            connect(second) as phone,
        ):
            welcome = await hello(phone, nick="Alice", password=PASSWORD)
            await phone.join("lobby")
            await phone.break_off()
            await until(lambda: parked(cluster), "the session to be parked")
            await ask(laptop, "revoke", others=True)
            async with connect(cluster.urls[node]) as client:
                refused = await hello(client, resume=welcome["session"])
                assert refused["code"] in {"unauthorized", "bad_token"}
            async with connect(second, "Bob") as bob:
                await bob.join("lobby")
                await until(lambda: bob.lists("Bob"), "the device to be gone from the room")


async def parked(cluster: Cluster) -> bool:
    """Whether a session of the second node is without a connection."""
    return await cluster.nodes[1].metric("chat_parked") == 1


async def test_signing_out_ends_this_device_alone(redis_server: RedisServer) -> None:
    async with two_devices(redis_server) as (cluster, laptop, phone, bob, token, _):
        await ask(laptop, "sign_out")
        assert await laptop.closed() == 1000
        assert await bob.lists("Alice", "Bob")
        assert (await phone.ask({"type": "ping", "id": "p"}))["type"] == "ok"
        async with connect(cluster.urls[0]) as client:
            assert outcome(await hello(client, token=token)) == ("bad_token", "revoked")


async def test_a_new_password_signs_out_the_others_if_asked(redis_server: RedisServer) -> None:
    async with two_devices(redis_server) as (cluster, laptop, phone, *_rest):
        wrong = {"type": "password", "old": ANOTHER, "new": ANOTHER, "id": "w"}
        assert (await laptop.ask(wrong))["code"] == "bad_credentials"
        await ask(laptop, "password", old=PASSWORD, new=ANOTHER, sign_out_others=True)
        assert await phone.closed() == SIGNED_OUT.code
        async with connect(cluster.urls[0]) as client:
            old = await hello(client, nick="Alice", password=PASSWORD)
            assert old["code"] == "bad_credentials"
            assert (await hello(client, nick="Alice", password=ANOTHER))["type"] == "welcome"


async def test_a_deleted_account_is_gone_and_its_nickname_is_kept(
    redis_server: RedisServer,
) -> None:
    async with two_devices(redis_server) as (cluster, laptop, phone, bob, token, _):
        await ask(laptop, "delete_account", password=PASSWORD)
        assert await laptop.closed() == ACCOUNT_CLOSED.code
        assert await phone.closed() == ACCOUNT_CLOSED.code
        await until(lambda: bob.lists("Bob"), "the person to be gone")
        async with connect(cluster.urls[0]) as client:
            assert (await hello(client, token=token))["code"] == "bad_token"
            assert (await hello(client, nick="Alice"))["code"] == "nick_taken"
            by_password = await hello(client, nick="Alice", password=PASSWORD)
            assert by_password["code"] == "bad_credentials"


async def test_a_guest_may_not_do_what_needs_an_account(redis_server: RedisServer) -> None:
    async with open_cluster(redis_server, 1) as cluster, connect(cluster.urls[0], "Bob") as bob:
        for command in (
            {"type": "devices"},
            {"type": "revoke", "others": True},
            {"type": "sign_out"},
            {"type": "delete_account", "password": PASSWORD},
            {"type": "password", "old": PASSWORD, "new": ANOTHER},
            {"type": "read", "room": "lobby", "seq": 1},
            {"type": "conversations"},
            {"type": "history", "with": "Bob"},
            {"type": "refresh", "jwt": "x"},
        ):
            assert (await bob.ask(command | {"id": "x"}))["code"] == "forbidden", command


async def test_an_account_that_redis_has_lost_has_no_sessions(redis_server: RedisServer) -> None:
    async with two_devices(redis_server) as (cluster, laptop, phone, bob, token, _):
        redis_server.ask("FLUSHALL")
        assert await laptop.closed() == ACCOUNT_CLOSED.code
        assert await phone.closed() == ACCOUNT_CLOSED.code
        await until(lambda: bob.lists("Bob"), "the person to be gone")
        async with connect(cluster.urls[0]) as client:
            assert (await hello(client, token=token))["code"] == "bad_token"
        async with connect(cluster.urls[1], "Alice") as guest:
            assert (await guest.join("lobby"))["type"] == "ok"
