"""The cluster that is struck: nodes behind proxies, around a Redis that keeps what it says."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from gateway.config import declarations
from tests.faults.proxy import Proxy
from tests.harness import Cluster, NodeProcess, open_cluster
from tests.redis_server import RedisServer

REDIS_SECONDS: Final = 1.0
HISTORY: Final = 1_000_000
SMALL_OUTBOX: Final = 262_144
REDIS_START_SECONDS: Final = 20.0


@dataclass
class Place:
    """Where a node runs: always on the same port, with the same way to Redis."""

    number: int
    proxy: Proxy
    redis_url: str
    node: NodeProcess

    @property
    def name(self) -> str:
        """How reports call it."""
        return f"node {self.number}"


class Struck:
    """The cluster under faults; made by `open_struck`."""

    def __init__(
        self, cluster: Cluster, redis: RedisServer, *, grace: float, sabotage: str | None
    ) -> None:
        self.cluster = cluster
        self.redis = redis
        self.places: list[Place] = []
        self.client_proxies: list[Proxy] = []
        if sabotage:
            cluster.launch = ("tests.faults.sabotaged", sabotage)
        self._settings: dict[str, object] = {
            "redis_timeout": REDIS_SECONDS,
            "history_size": HISTORY,
            "outbox_bytes": SMALL_OUTBOX,
            "drain_seconds": 3,
        }
        if "grace_seconds" in declarations():
            self._settings["grace_seconds"] = grace

    @property
    def urls(self) -> list[str]:
        """Where clients connect, fault or no fault."""
        return [f"ws://127.0.0.1:{place.node.port}/ws" for place in self.places]

    async def add_place(self, proxy: Proxy, redis_url: str) -> None:
        """Start one more node, that has this way to Redis."""
        number = len(self.places) + 1
        node = await self.start(number, redis_url, port=0)
        self.places.append(Place(number, proxy, redis_url, node))

    async def restart(self, place: Place) -> None:
        """Start a node anew where one has ended."""
        place.node = await self.start(place.number, place.redis_url, port=place.node.port)

    async def start(self, number: int, redis_url: str, *, port: int) -> NodeProcess:
        """Start a node and wait until it listens."""
        return await self.cluster.add_node(
            port=port, redis=redis_url, node_name=f"n{number}",
            **self._settings,
        )  # fmt: skip

    async def ready(self) -> None:
        """Wait until every node is."""
        for place in self.places:
            await place.node.ready()


@asynccontextmanager
async def open_struck(
    folder: Path, nodes: int, *, grace: float, sabotage: str | None, random_: random.Random
) -> AsyncIterator[Struck]:
    """Run nodes, each with a proxy before Redis, until the context ends."""
    async with (
        RedisServer(folder) as redis,
        open_cluster(redis, 0) as cluster,
        trio.open_nursery() as nursery,
    ):
        struck = Struck(cluster, redis, grace=grace, sabotage=sabotage)
        for _ in range(nodes):
            proxy = Proxy(random_)
            port = await proxy.listen(nursery, str(redis.socket))
            await struck.add_place(proxy, f"redis://127.0.0.1:{port}/0")
        await struck.ready()
        yield struck
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def way_to_nodes(struck: Struck, random_: random.Random) -> AsyncIterator[list[str]]:
    """Give URLs of all nodes for one client, by a proxy of its own that faults may slow down."""
    async with trio.open_nursery() as nursery:
        proxy = Proxy(random_)
        struck.client_proxies.append(proxy)
        ports = [await proxy.listen(nursery, place.node.port) for place in struck.places]
        yield [f"ws://127.0.0.1:{port}/ws" for port in ports]
        nursery.cancel_scope.cancel()
