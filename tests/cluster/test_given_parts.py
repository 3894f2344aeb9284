"""A node over parts that a test gives it in the place of those that the settings name."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import trio

from gateway.backplane import Backplane, RedisEndpoint, Unavailable
from gateway.config import Settings
from gateway.node import Node, make_backplane
from tests import PATIENCE
from tests.http import http_get
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import connect

NOWHERE: Final = Settings(redis="unix:///nowhere/redis.sock", port=0, redis_timeout=PATIENCE)


class Switch:
    """A topology of which the test says what server there is, if any."""

    place = "the test's"
    database = 0

    def __init__(self) -> None:
        self._server: RedisEndpoint | None = None
        self._moved = trio.Event()

    def turn_to(self, server: RedisServer) -> None:
        self._server = RedisEndpoint.from_url(server.url)
        self._moved.set()
        self._moved = trio.Event()

    async def find(self) -> RedisEndpoint:
        await trio.lowlevel.checkpoint()
        if self._server is None:
            raise OSError("the test has named no server")
        return self._server

    async def certain(self) -> None:
        await trio.lowlevel.checkpoint()

    async def watch(self, on_moved: Callable[[], None]) -> None:
        while True:
            await self._moved.wait()
            on_moved()


@asynccontextmanager
async def running(backplane: Backplane, settings: Settings = NOWHERE) -> AsyncIterator[int]:
    """Run a node over a backplane; gives its port."""
    node = Node(settings, backplane=backplane)
    async with trio.open_nursery() as nursery:
        yield await nursery.start(node.run)
        nursery.cancel_scope.cancel()


async def readiness(port: int) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((await http_get(port, "/readyz"))[1])
    return answer


async def ready(port: int) -> None:
    async def is_ready() -> bool:
        return bool((await readiness(port))["ready"])

    await until(is_ready, "the node to be ready")


async def test_a_node_goes_where_its_topology_says(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    topology = Switch()
    backplane = make_backplane(NOWHERE, topology)
    other = tmp_path / "other"
    other.mkdir()
    async with running(backplane) as port, RedisServer(other) as second:

        async def says_why() -> bool:
            return "the test has named no server" in (await readiness(port)).get("reason", "")

        await until(says_why, "the node to say why it is not ready")
        for server in (redis_server, second):
            topology.turn_to(server)

            async def beats(server: RedisServer = server) -> bool:
                return bool(server.ask("HEXISTS", "chat:heartbeats", backplane.incarnation.name))

            await until(beats, "the node to be registered there")
            await ready(port)


async def test_a_node_uses_the_stores_that_it_is_given(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(redis=redis_server.url, port=0, redis_timeout=PATIENCE)
    backplane = make_backplane(settings)
    publish, refuse = backplane.rooms.publish, True

    async def publish_at_the_second_attempt(*arguments: Any, **more: Any) -> int:
        nonlocal refuse
        if refuse:
            refuse = False
            raise Unavailable
        return await publish(*arguments, **more)

    monkeypatch.setattr(backplane.rooms, "publish", publish_at_the_second_attempt)
    async with running(backplane, settings) as port:
        await ready(port)
        async with connect(f"ws://127.0.0.1:{port}/ws", "Alice") as alice:
            await alice.ask({"type": "join", "id": "0", "room": "lobby"})
            say = {"type": "send", "id": "1", "room": "lobby", "text": "hello"}
            answers = [await alice.ask(say) for _ in range(2)]
    assert [answer.get("code") for answer in answers] == ["unavailable", None]
    assert answers[1]["seq"] == 1
