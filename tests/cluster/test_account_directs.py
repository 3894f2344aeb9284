"""Direct messages of accounts, on every device and while they are away, with real nodes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import trio

from gateway import wire
from tests import PATIENCE
from tests.nodes import open_cluster
from tests.redis_server import RedisServer
from tests.websocket import WebSocketClient, connect

PASSWORD: Final = "correct horse battery staple 9"  # noqa: S105


def direct(to: str, text: str, id: str = "") -> dict[str, Any]:  # noqa: A002
    return {"type": "direct", "to": to, "text": text, "id": id or text}


async def register(client: WebSocketClient, nick: str) -> dict[str, Any]:
    """Register an account; return the welcome."""
    command = {"type": "register", "id": "r", "nick": nick, "password": PASSWORD, "device": "a"}
    answer = await client.ask(command)
    assert answer["type"] == "welcome", answer
    return answer


@asynccontextmanager
async def signed_in(
    url: str, **identity: Any
) -> AsyncIterator[tuple[WebSocketClient, dict[str, Any]]]:
    """Say hello with what somebody can show; give the client, and the welcome."""
    async with connect(url) as client:
        welcome = await client.ask({"type": "hello"} | identity)
        assert welcome["type"] == "welcome", welcome
        yield client, welcome


async def heard(client: WebSocketClient, count: int) -> list[str]:
    """The texts of the next direct messages."""
    with trio.fail_after(PATIENCE):
        return [(await client.hear_type("direct"))["text"] for _ in range(count)]


async def test_a_person_is_written_to_on_each_device_and_while_away(
    redis_server: RedisServer,
) -> None:
    by_password = {"nick": "Ann", "password": PASSWORD, "device": "laptop"}
    async with open_cluster(redis_server) as cluster, connect(cluster.urls[1], "bob") as bob:
        one, two = cluster.urls
        async with connect(one) as phone:
            token = (await register(phone, "Ann"))["token"]
            async with signed_in(two, **by_password) as (laptop, _):
                assert (await bob.ask(direct("ann", "1")))["seq"] == 1
                assert [await heard(each, 1) for each in (phone, laptop)] == [["1"], ["1"]]
                assert (await phone.ask(direct("Bob", "2")))["seq"] == 2
                own = await laptop.hear_type("direct")
                assert (own["text"], own["own"]) == ("2", True)
                assert (await phone.ask(direct("Ann", "3")))["seq"] == 3
                assert await heard(laptop, 1) == ["3"]
        assert (await bob.ask(direct("Ann", "4")))["type"] == "ok"
        async with signed_in(two, token=token) as (phone, welcome):
            assert welcome["inbox"]["seq"] == 4
            assert welcome.get("directs", []) == []
            with_bob, _ = (await phone.ask({"type": "conversations", "id": "c"}))["conversations"]
            assert (with_bob["with"], with_bob["seq"], with_bob["unread"]) == ("bob", 4, 2)
            page = await phone.ask({"type": "history", "with": "bob", "id": "h"})
            assert [each["text"] for each in page["directs"]] == ["1", "2", "4"]
            assert await phone.ask({"type": "read", "with": "bob", "seq": 1, "id": "x"})
            with_bob, _ = (await phone.ask({"type": "conversations", "id": "c"}))["conversations"]
            assert (with_bob["read"], with_bob["unread"]) == (1, 1)


async def test_what_is_sent_again_in_a_new_session_of_the_device_is_delivered_once(
    redis_server: RedisServer,
) -> None:
    async with open_cluster(redis_server) as cluster, connect(cluster.urls[1], "bob") as bob:
        async with connect(cluster.urls[0]) as phone:
            token = (await register(phone, "Ann"))["token"]
            assert (await phone.ask(direct("bob", "once", "1")))["seq"] == 1
            said = {"type": "send", "room": wire.LOBBY, "text": "once", "id": "1"}
            await phone.join()
            assert (await phone.ask(said))["seq"] == 1
        async with signed_in(cluster.urls[1], token=token) as (phone, _):
            assert (await phone.ask(direct("bob", "once", "1")))["seq"] == 1
            await phone.join()
            assert (await phone.ask(said))["seq"] == 1
            assert (await phone.ask(direct("bob", "twice", "2")))["seq"] == 2
        assert await heard(bob, 2) == ["once", "twice"]


async def test_whoever_has_written_to_an_account_is_no_stranger_in_its_next_session(
    redis_server: RedisServer,
) -> None:
    settings = {"stranger_directs": 1, "exempt_networks": "none"}
    async with (
        open_cluster(redis_server, 1, **settings) as cluster,
        connect(cluster.urls[0], "friend") as friend,
        connect(cluster.urls[0], "other"),
    ):
        async with connect(cluster.urls[0]) as phone:
            token = (await register(phone, "Ann"))["token"]
            assert (await friend.ask(direct("Ann", "hi")))["type"] == "ok"
        async with signed_in(cluster.urls[0], token=token) as (phone, _):
            for to, first in ("friend", None), ("other", "too_fast"):
                answers = [await phone.ask(direct(to, str(n), f"{to}{n}")) for n in range(3)]
                assert [each.get("code") for each in answers] == [None, first, first]
