"""Every test has a Redis of its own, on a Unix socket; nothing is written to disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import trio
from hypothesis import HealthCheck, settings

from gateway.backplane import Backplane, Burst
from gateway.backplane.payloads import EPOCH_MARK
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.server import RedisEndpoint
from gateway.policy.retention import DAY, Retention
from tests import PATIENCE
from tests.backplane.tls import Identity
from tests.redis_server import RedisServer

settings.register_profile(
    "backplane", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50
)
settings.load_profile("backplane")

LOG_BYTES: Final = 1024 * 1024
"""Bytes that a log keeps, about."""
TIMEOUT: Final = 600.0
"""Seconds until a link gives up on Redis: so many that no test waits for it by accident."""


@pytest.fixture
async def redis_server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with RedisServer(tmp_path, appendonly="no") as server:
        yield server


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """What a server proves with that it is localhost."""
    return Identity(tmp_path_factory.mktemp("tls"))


class Links:
    """Opens links to the test's Redis; they live until the test ends."""

    def __init__(self, server: RedisServer, nursery: trio.Nursery) -> None:
        self._server = server
        self._nursery = nursery

    async def open(
        self, name: str = "test", *, url: str | None = None, patience: float = TIMEOUT
    ) -> Link:
        """Open a link and wait until it is connected."""
        link = Link(
            RedisEndpoint.from_url(url or self._server.admin_url), name=name, timeout=patience
        )
        self._nursery.start_soon(link.run)
        with trio.fail_after(PATIENCE):
            await link.wait_connected()
        return link


@pytest.fixture
async def links(redis_server: RedisServer) -> AsyncIterator[Links]:
    async with trio.open_nursery() as nursery:
        yield Links(redis_server, nursery)
        nursery.cancel_scope.cancel()


@pytest.fixture
async def link(links: Links) -> Link:
    return await links.open()


def _unmarked(payload: bytes) -> bytes:
    """Return a message as it is logged, without the room's epoch before it."""
    return payload.partition(b" ")[2] if payload.startswith(EPOCH_MARK) else payload


class Node:
    """What one node has of the backplane, and all that it heard on its subscription."""

    def __init__(self, server: RedisServer, name: str, history_size: int, log_bytes: int) -> None:
        self.name = name
        self.backplane = Backplane(
            RedisEndpoint.from_url(server.url_of("test")),
            node=name,
            namespace="test",
            timeout=TIMEOUT,
            retention=Retention(messages=history_size, registered_seconds=DAY, log_bytes=log_bytes),
        )
        self.rooms = self.backplane.rooms
        self.nicks = self.backplane.nicks
        self.nodes = self.backplane.nodes
        self.link = self.backplane.link
        self.subscription = self.backplane.subscription
        self.restored = trio.Event()
        self.moved = trio.Event()
        self._heard: list[tuple[bytes, bytes]] = []
        self._news = trio.Event()

    async def run(self) -> None:
        await self.backplane.run(
            on_burst=self._on_burst, on_restored=self._on_restored, on_moved=self.moved.set
        )

    async def _on_burst(self, burst: Burst) -> None:
        self._heard += [(channel, _unmarked(payload)) for channel, payload in burst]
        self._news.set()

    def _on_restored(self) -> None:
        self.restored.set()

    async def listen(self, room: str) -> None:
        assert await self.subscription.subscribe(self.rooms.channel(room))

    async def hear(self, count: int) -> list[bytes]:
        """Wait for so many publications, take them, and give their payloads."""
        with trio.fail_after(PATIENCE):
            while len(self._heard) < count:
                self._news = trio.Event()
                await self._news.wait()
        taken, self._heard = self._heard[:count], self._heard[count:]
        return [payload for _, payload in taken]

    async def hear_no_more(self) -> None:
        """Make sure that nothing else was published: what is published now is next."""
        channel = b"test@0:mark"
        assert await self.subscription.subscribe(channel)
        await self.link.call("PUBLISH", channel, "mark")
        assert await self.hear(1) == [b"mark"]


class NodeRegistry:
    """Opens nodes; they live until the test ends."""

    def __init__(self, server: RedisServer, nursery: trio.Nursery) -> None:
        self._server = server
        self._nursery = nursery

    async def open(
        self, name: str = "n1", *, history_size: int = 1000, log_bytes: int = LOG_BYTES
    ) -> Node:
        """Open a node and wait until all its connections are there."""
        node = Node(self._server, name, history_size, log_bytes)
        self._nursery.start_soon(node.run)
        with trio.fail_after(PATIENCE):
            await node.link.wait_connected()
            await node.backplane.durable.wait_connected()
            await node.restored.wait()
        return node


@pytest.fixture
async def nodes(redis_server: RedisServer) -> AsyncIterator[NodeRegistry]:
    async with trio.open_nursery() as nursery:
        yield NodeRegistry(redis_server, nursery)
        nursery.cancel_scope.cancel()


@pytest.fixture
async def node(nodes: NodeRegistry) -> Node:
    return await nodes.open()
