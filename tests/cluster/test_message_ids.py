"""What a message's id stands for: sent twice it is delivered once, and no other is swallowed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from tests.nodes import Cluster, open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import WebSocketClient, connect

SECRET: Final = "alice-0123456789-abcdefgh"  # noqa: S105


@pytest.fixture
async def cluster(redis_server: RedisServer) -> AsyncIterator[Cluster]:
    async with open_cluster(redis_server, 2) as cluster:
        yield cluster


async def come_in(client: WebSocketClient, **how: Any) -> None:
    answer = await client.ask({"type": "hello", **how})
    assert answer["type"] == "welcome", answer
    await client.join()


async def say(client: WebSocketClient, text: str, **more: str) -> int | str:
    """Send it under the id 3; returns its seq, or the code with which it was refused."""
    where = more or {"room": "lobby"}
    kind = "direct" if "to" in where else "send"
    answer = await client.ask({"type": kind, "id": "3", "text": text, **where})
    return int(answer["seq"]) if answer["type"] == "ok" else str(answer["code"])


async def test_another_text_under_a_known_id_is_refused(cluster: Cluster) -> None:
    async with connect(cluster.urls[0]) as alice:
        await come_in(alice, nick="alice", session=SECRET)
        assert await say(alice, "first") == 1
        assert await say(alice, "second") == "id_reused"
        assert await say(alice, "first") == 1
        # A change of the name makes it no other message; another room is another log.
        await alice.ask({"type": "nick", "nick": "alicia", "id": "n"})
        assert await say(alice, "first") == 1
        await alice.join("cafe")
        assert await say(alice, "second", room="cafe") == 1


async def test_it_is_refused_in_a_new_session_with_the_same_secret(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    async with connect(cluster.urls[0], "bob") as bob:
        await bob.join()
        async with connect(cluster.urls[0]) as alice:
            await come_in(alice, nick="alice", session=SECRET)
            assert await say(alice, "first") == 1
        await until(
            lambda: list(redis_server.ask("HKEYS", "chat:{nicks}")) == ["bob"],
            "the session to be over",
        )
        async with connect(cluster.urls[1]) as alice:
            await come_in(alice, nick="alice", session=SECRET)
            assert await say(alice, "second") == "id_reused"
            await alice.say({"type": "send", "id": "4", "room": "lobby", "text": "second"})
            heard = [(await bob.hear_type("message"))["text"] for _ in range(2)]
            assert heard == ["first", "second"]


async def test_a_direct_message_under_a_known_id_is_the_same_to_the_same_person(
    cluster: Cluster,
) -> None:
    url = cluster.urls[0]
    async with (
        connect(url) as alice,
        connect(cluster.urls[1], "bob") as bob,
        connect(url, "carol") as carol,
    ):
        await come_in(alice, nick="alice", session=SECRET)
        assert await say(alice, "first", to="bob") == 1
        assert await say(alice, "second", to="bob") == "id_reused"
        assert await say(alice, "first", to="carol") == "id_reused"
        assert await say(alice, "first", to="bob") == 1
        # A room is another log than an inbox.
        assert await say(alice, "second") == 1
        assert await carol.ask({"type": "direct", "id": "3", "to": "bob", "text": "from carol"})
        heard = [(await bob.hear_type("direct"))["text"] for _ in range(2)]
        assert heard == ["first", "from carol"]


async def test_only_the_last_command_of_an_id_is_taken_for_done(cluster: Cluster) -> None:
    async with connect(cluster.urls[0], "one") as client:
        for nick in ("two", "two", "three", "two"):
            assert (await client.ask({"type": "nick", "nick": nick, "id": "n"}))["nick"] == nick
        async with connect(cluster.urls[1]) as other:
            refused = await other.ask({"type": "hello", "nick": "two", "id": "h"})
            assert refused["code"] == "nick_taken"
            await come_in(other, nick="three")
