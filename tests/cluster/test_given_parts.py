"""A node over parts that a test gives it in the place of those that the settings name."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.backplane import Unavailable
from gateway.config import Settings
from gateway.node import Node
from gateway.parts import make_backplane
from tests import PATIENCE
from tests.cluster.inside import NamedServer, serving
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import connect

NOWHERE: Final = Settings(redis="unix:///nowhere/redis.sock", port=0, redis_timeout=PATIENCE)


async def test_a_node_goes_where_its_topology_says(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    topology = NamedServer()
    node = Node(NOWHERE, backplane=make_backplane(NOWHERE, topology))
    other = tmp_path / "other"
    other.mkdir()
    async with serving(node), RedisServer(other) as second:
        await until(
            lambda: "the test has named no server" in (node.context.why_not_ready() or ""),
            "the node to say why it is not ready",
        )
        for server in (redis_server, second):
            topology.announce(server)
            await until(
                partial(server.ask, "HLEN", "chat:heartbeats"),
                "the node to be registered there",
            )
            await until(lambda: node.context.why_not_ready() is None, "the node to be ready")


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
    node = Node(settings, backplane=backplane)
    async with serving(node) as url:
        await until(lambda: node.context.why_not_ready() is None, "the node to be ready")
        async with connect(url, "Alice") as alice:
            await alice.ask({"type": "join", "id": "0", "room": "lobby"})
            say = {"type": "send", "id": "1", "room": "lobby", "text": "hello"}
            answers = [await alice.ask(say) for _ in range(2)]
    assert [answer.get("code") for answer in answers] == ["unavailable", None]
    assert answers[1]["seq"] == 1
