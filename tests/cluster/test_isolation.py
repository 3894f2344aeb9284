"""Clusters that share a Redis never hear each other, whatever separates them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, Final

import pytest
import trio

from tests.cluster.people import one_client
from tests.nodes import open_cluster
from tests.redis_server import RedisServer
from tests.websocket import WebSocketClient, connect

COUNT: Final = 50
WORLDS: Final = ("here", "there")


async def talk(world: str, alice: WebSocketClient, bob: WebSocketClient) -> list[dict[str, Any]]:
    """Let Alice type and write, in the room and to Bob; return all that Bob heard."""
    for number in range(COUNT):
        text = f"{world} {number}"
        await alice.say({"type": "typing", "room": "lobby"})
        await alice.say({"type": "send", "room": "lobby", "id": f"{number}", "text": text})
        await alice.say({"type": "direct", "to": "bob", "id": f"d{number}", "text": text})
    await alice.say({"type": "send", "room": "lobby", "id": "end", "text": "the end"})
    heard: list[dict[str, Any]] = []
    while not heard or heard[-1].get("text") != "the end":
        heard.append(await bob.hear())
    return heard


@pytest.mark.parametrize(
    ("database", "namespace"), [(1, "chat"), (0, "test")], ids=["database", "namespace"]
)
async def test_two_clusters_on_one_redis_are_two_worlds(
    redis_server: RedisServer, database: int, namespace: str
) -> None:
    heard: dict[str, list[dict[str, Any]]] = {}
    async with open_cluster(redis_server, 0) as cluster, AsyncExitStack() as stack:
        url = f"{redis_server.url_of(namespace)}?db={database}"
        other: dict[str, Any] = {"redis": url, "namespace": namespace}
        people: dict[str, list[WebSocketClient]] = {}
        for world, settings in zip(WORLDS, ({}, other), strict=True):
            node = await cluster.add_node(**settings)
            await node.ready()
            people[world] = [
                await stack.enter_async_context(connect(node.url, nick))
                for nick in (f"alice-{world}", "bob")
            ]
            for person in people[world]:
                await person.join()

        async def listen(world: str) -> None:
            heard[world] = await talk(world, *people[world])

        async with trio.open_nursery() as nursery:
            for world in WORLDS:
                nursery.start_soon(listen, world)
    for world, frames in heard.items():
        said = [f"{world} {number}" for number in range(COUNT)]
        for kind, end in (("message", ["the end"]), ("direct", [])):
            assert [f["text"] for f in frames if f["type"] == kind] == [*said, *end]
        assert {f["nick"] for f in frames if f["type"] == "typing"} == {f"alice-{world}"}
        presence = [f for f in frames if f["type"] == "presence"]
        assert {m["nick"] for f in presence for m in f["joined"]} <= {f"alice-{world}", "bob"}
        assert not [f for f in frames if f["type"] == "notice"]


async def test_what_does_not_belong_to_the_rooms_epoch_is_not_delivered(
    redis_server: RedisServer,
) -> None:
    """Somebody else publishes on the room's channel: in another epoch, in none, and nonsense."""
    async with one_client(redis_server) as (node, alice):
        epoch = (await alice.join())["epoch"]
        message = '{"seq":1,"at":1,"type":"message","room":"lobby","from":"x","text":"no","id":"1"}'
        for payload in (
            f"=foreign {message}", f"={epoch}{message}", f"={epoch[:-1]} {message}", f"= {message}",
            f"{epoch} {message}", message, f"={epoch} nonsense", f"={epoch} ", "=", "",
        ):  # fmt: skip
            redis_server.ask("PUBLISH", "chat@0:{room:lobby}", payload)
        await alice.say({"type": "send", "room": "lobby", "id": "1", "text": "hello"})
        heard = await alice.hear_type("message")
        assert (heard["text"], heard["seq"]) == ("hello", 1)
        assert not node.errors
