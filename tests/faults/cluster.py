"""The cluster that is struck: nodes behind proxies, around a Redis that keeps what it says."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from tests.faults.history import History
from tests.faults.network import Way, open_ways
from tests.faults.proxy import Proxy
from tests.faults.workload import Client
from tests.harness import Cluster, NodeProcess, administer, open_cluster
from tests.ports import HOST, free_port
from tests.redis_server import RedisServer
from tests.sentinels import NAME, SentinelGroup, open_group

REDIS_SECONDS: Final = 1.0
HISTORY: Final = 1_000_000
SMALL_OUTBOX: Final = 262_144
LATELY: Final = 40
"""Of so many messages of a room, the last ones, some are erased."""
ROOM_SHARE: Final = 0.25
"""How often it is all of a room."""


@dataclass
class Place:
    """Where a node runs: always on the same address, with the same way to Redis."""

    number: int
    proxy: Proxy
    way: Way
    redis_url: str
    node: NodeProcess

    @property
    def name(self) -> str:
        """How reports call it."""
        return f"node {self.number}"


class Struck:
    """The cluster under faults; made by `open_struck`."""

    def __init__(
        self,
        cluster: Cluster,
        redis: RedisServer | SentinelGroup,
        *,
        grace: float,
        sabotage: str | None,
    ) -> None:
        self.cluster = cluster
        self._redis = redis
        self.places: list[Place] = []
        self.client_proxies: list[Proxy] = []
        self.history = History()
        """What has been recorded of the clients so far."""
        self.people: list[Client] = []
        """The clients, once they are there."""
        self.grace = grace
        self.loud = False
        """Whether clients shall say very much, so that who does not read is soon behind."""
        self.deleted: frozenset[str] = frozenset()
        """The messages, as they were said, that Redis had when it was emptied last."""
        self.erased: frozenset[str] = frozenset()
        """The messages that were erased last."""
        if sabotage:
            cluster.launch = ("tests.faults.sabotaged", sabotage)
        self._settings: dict[str, object] = {
            "redis_timeout": REDIS_SECONDS,
            "history_size": HISTORY,
            "outbox_bytes": SMALL_OUTBOX,
            "drain_seconds": 3,
            "grace_seconds": grace,
        }

    @property
    def redis(self) -> RedisServer:
        """The Redis that nodes write to now."""
        return self._redis.primary if isinstance(self._redis, SentinelGroup) else self._redis

    @property
    def group(self) -> SentinelGroup:
        """The Sentinel group around it; there is one if it was asked for."""
        assert isinstance(self._redis, SentinelGroup)
        return self._redis

    @property
    def urls(self) -> list[str]:
        """Where clients connect, fault or no fault."""
        return [place.node.url for place in self.places]

    async def start_redis(self) -> None:
        """Start the Redis that nodes write to, where it was stopped."""
        if isinstance(self._redis, SentinelGroup):
            await self._redis.start(self.redis)
            await self._redis.in_step()
        else:
            await self._redis.start()

    def empty_redis(self) -> None:
        """Delete everything; ``deleted`` has what was there before this began."""
        self.deleted = self._logged()
        self.redis.ask("FLUSHALL")

    async def roll_redis_back(self) -> None:
        """Start Redis from its backup; ``deleted`` has what it does not have any more."""
        logged = self._logged()
        await self.redis.restore()
        await self.start_redis()
        self.deleted |= logged - self._logged()
        if isinstance(self._redis, SentinelGroup):
            await self._redis.settled()

    def _logged(self) -> frozenset[str]:
        """Return every message that Redis has, as it was said."""
        keys = self.redis.ask("KEYS", "chat:*:log")
        logs = [self.redis.ask("XRANGE", key, "-", "+") for key in keys]
        return frozenset(_said(entry) for log in logs for _, entry in log)

    async def purge(self, random_: random.Random) -> str:
        """Erase some of what was said last in a room, or all of it; return which room."""
        key: str = random_.choice(self.redis.ask("KEYS", "chat:{room:*}:log"))
        room = key.removeprefix("chat:{room:").removesuffix("}:log")
        logged = self.redis.ask("XREVRANGE", key, "+", "-", "COUNT", LATELY)
        if random_.random() < ROOM_SHARE:
            what = ["room", room]
            logged = self.redis.ask("XRANGE", key, "-", "+")
        else:
            logged = random_.sample(logged, random_.randint(1, len(logged)))
            what = ["message", room, *(seq.removesuffix("-0") for seq, _ in logged)]
        done = await administer("purge", *what, redis=self.redis.url)
        assert done.returncode == 0, done
        self.erased = frozenset(_said(entry) for _, entry in logged)
        return room

    async def add_place(self, proxy: Proxy, way: Way, nursery: trio.Nursery) -> None:
        """Start one more node, which has this way to Redis."""
        number = len(self.places) + 1
        url = await self._lead_to_redis(proxy, way, nursery)
        node = await self._start(number, way, url, port=free_port())
        self.places.append(Place(number, proxy, way, url, node))

    async def _lead_to_redis(self, proxy: Proxy, way: Way, nursery: trio.Nursery) -> str:
        """Have a proxy lead to all that a node needs of Redis; gives the URL for the node."""
        if isinstance(self._redis, RedisServer):
            port = await proxy.listen(nursery, str(self._redis.socket), host=way.outside)
            return f"redis://{way.outside}:{port}/0"
        renamed = {_bulk(HOST): _bulk(way.outside)}
        for server in self._redis.servers:
            port = await proxy.listen(nursery, str(server.socket), host=way.outside)
            renamed[_bulk(str(server.port))] = _bulk(str(port))
        sentinels = []
        for sentinel in self._redis.sentinels:
            target = HOST, sentinel
            port = await proxy.listen(nursery, target, host=way.outside, renamed=renamed)
            sentinels.append(f"{way.outside}:{port}")
        return f"redis+sentinel://{','.join(sentinels)}/{NAME}"

    async def restart(self, place: Place) -> None:
        """Start a node anew where one has ended."""
        place.node = await self._start(
            place.number, place.way, place.redis_url, port=place.node.port
        )

    async def _start(self, number: int, way: Way, redis_url: str, *, port: int) -> NodeProcess:
        """Start a node and wait until it listens."""
        return await self.cluster.add_node(
            *way.runner, host=way.host, port=port, redis=redis_url, node_name=f"n{number}",
            **self._settings,
        )  # fmt: skip

    async def ready(self) -> None:
        """Wait until every node is."""
        for place in self.places:
            await place.node.ready()


def _said(entry: dict[str, str]) -> str:
    """Return what was said in a log's entry, which is its id, too."""
    message_id: str = json.loads(entry["m"])["id"]
    return message_id


def _bulk(text: str) -> bytes:
    """Write a string as Redis sends it, with its length: one is replaced by another as a whole."""
    return f"${len(text)}\r\n{text}\r\n".encode()


@asynccontextmanager
async def open_struck(
    folder: Path,
    nodes: int,
    *,
    grace: float,
    random_: random.Random,
    sabotage: str | None = None,
    sentinels: bool = False,
) -> AsyncIterator[Struck]:
    """Run nodes, each with a proxy before Redis, until the context ends.

    With ``sentinels`` Redis is a primary and a replica that three sentinels watch.
    """
    proxies = [Proxy(random_) for _ in range(nodes)]
    async with AsyncExitStack() as stack:
        redis: RedisServer | SentinelGroup
        if sentinels:
            redis = await stack.enter_async_context(open_group(folder))
            first = redis.primary
        else:
            redis = first = await stack.enter_async_context(RedisServer(folder))
        ways = stack.enter_context(open_ways(proxies))
        cluster = await stack.enter_async_context(open_cluster(first, 0))
        nursery = await stack.enter_async_context(trio.open_nursery())
        struck = Struck(cluster, redis, grace=grace, sabotage=sabotage)
        for proxy, way in zip(proxies, ways, strict=True):
            await struck.add_place(proxy, way, nursery)
        await struck.ready()
        yield struck
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def way_to_nodes(struck: Struck, random_: random.Random) -> AsyncIterator[list[str]]:
    """Give URLs of all nodes for one client, by a proxy of its own that faults may slow down."""
    async with trio.open_nursery() as nursery:
        proxy = Proxy(random_)
        struck.client_proxies.append(proxy)
        targets = [(place.node.host, place.node.port) for place in struck.places]
        ports = [await proxy.listen(nursery, target) for target in targets]
        yield [f"ws://127.0.0.1:{port}/ws" for port in ports]
        nursery.cancel_scope.cancel()
