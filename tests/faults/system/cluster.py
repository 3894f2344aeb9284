"""The cluster under test: nodes that keep their addresses, each with a proxy before Redis."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from tests.faults.history import RunHistory
from tests.faults.system.network import NodeNetwork, open_networks
from tests.faults.system.proxy import Proxy
from tests.faults.system.redis import RedisUnderTest
from tests.movable_clock import MovableClock
from tests.nodes import Cluster, NodeProcess, open_cluster
from tests.ports import free_port
from tests.redis_server import RedisServer
from tests.sentinels import SentinelGroup, open_group

REDIS_SECONDS: Final = 1.0
HISTORY: Final = 1_000_000
LOG_BYTES: Final = 1 << 30
"""Nothing is cut off any log: everybody reads all of it at the end."""
SMALL_OUTBOX: Final = 262_144


@dataclass
class NodeHost:
    """Where a node runs, and is started again: on the same address, with the same way to Redis."""

    number: int
    proxy: Proxy
    network: NodeNetwork
    redis_url: str
    node: NodeProcess

    @property
    def name(self) -> str:
        """What reports call the node."""
        return f"node {self.number}"


class ClusterUnderTest:
    """Nodes, Redis, and the proxies between them and to clients; made by `open_cluster_under_test`.

    It also holds what clients and nemesis of a run share: the history, and the wish for a flood.

    - ``grace``: the nodes' grace time, in seconds
    - ``sabotage``: one of `tests.faults.sabotaged`, or None
    - ``beside``: another checkout, whose gateway every second start of a node runs
    """

    def __init__(
        self,
        processes: Cluster,
        redis: RedisUnderTest,
        *,
        grace: float,
        sabotage: str | None,
        beside: Path | None,
    ) -> None:
        self.redis = redis
        self.grace = grace
        self.hosts: list[NodeHost] = []
        self.client_proxies: list[Proxy] = []
        self.history = RunHistory()
        """What has been observed so far."""
        self.flooding = False
        """Whether clients shall send as much as they can, so that a slow reader falls behind."""
        self._processes = processes
        self._checkouts = itertools.cycle((None, beside))
        if sabotage:
            processes.launch = ("tests.faults.sabotaged", sabotage)
        self._settings: dict[str, object] = {
            "redis_timeout": REDIS_SECONDS,
            "history_size": HISTORY,
            "log_bytes": LOG_BYTES,
            "outbox_bytes": SMALL_OUTBOX,
            "drain_seconds": 3,
            "grace_seconds": grace,
            "account_durability": redis.durability,
        }

    @property
    def urls(self) -> list[str]:
        """The URLs of all nodes, running or not."""
        return [host.node.url for host in self.hosts]

    @property
    def nodes(self) -> list[NodeProcess]:
        """Every node process that was ever started."""
        return self._processes.nodes

    async def add_host(self, proxy: Proxy, network: NodeNetwork, nursery: trio.Nursery) -> None:
        """Start one more node, with this network and this proxy before Redis."""
        number = len(self.hosts) + 1
        url = await self.redis.lead_to(proxy, nursery, host=network.outside)
        node = await self._start(number, network, url, port=free_port())
        self.hosts.append(NodeHost(number, proxy, network, url, node))

    async def restart(self, host: NodeHost) -> None:
        """Start a node again where one has ended."""
        host.node = await self._start(
            host.number, host.network, host.redis_url, port=host.node.port
        )

    async def _start(
        self, number: int, network: NodeNetwork, redis_url: str, *, port: int
    ) -> NodeProcess:
        """Start a node and wait until it listens."""
        return await self._processes.add_node(
            *network.launcher, checkout=next(self._checkouts),
            host=network.host, port=port, redis=redis_url,
            node_name=f"n{number}", **self._settings,
        )  # fmt: skip

    async def ready(self) -> None:
        """Wait until every node is ready."""
        for host in self.hosts:
            await host.node.ready()

    @asynccontextmanager
    async def client_urls(self, random_: random.Random) -> AsyncIterator[list[str]]:
        """Provide URLs of all nodes for one client, by a proxy that faults may strike."""
        async with trio.open_nursery() as nursery:
            proxy = Proxy(random_)
            self.client_proxies.append(proxy)
            targets = [(host.node.host, host.node.port) for host in self.hosts]
            ports = [await proxy.listen(nursery, target) for target in targets]
            yield [f"ws://127.0.0.1:{port}/ws" for port in ports]
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def open_cluster_under_test(
    folder: Path,
    nodes: int,
    *,
    grace: float,
    random_: random.Random,
    sabotage: str | None = None,
    beside: Path | None = None,
    sentinels: bool = False,
    namespaced: bool = True,
) -> AsyncIterator[ClusterUnderTest]:
    """Run nodes, each with a proxy before Redis, until the context ends.

    - ``sentinels``: Redis is a primary and a replica that three sentinels watch
    - ``namespaced``: nodes have network namespaces, where that is allowed
    """
    proxies = [Proxy(random_) for _ in range(nodes)]
    async with AsyncExitStack() as stack:
        redis: RedisServer | SentinelGroup
        if sentinels:
            redis = await stack.enter_async_context(open_group(folder, movable_clocks=True))
        else:
            redis = await stack.enter_async_context(RedisServer(folder, MovableClock(folder)))
        under_test = RedisUnderTest(redis, least_rights=beside is None)
        under_test.write_through()
        networks = stack.enter_context(open_networks(proxies, namespaced=namespaced))
        processes = await stack.enter_async_context(open_cluster(under_test.server, 0))
        nursery = await stack.enter_async_context(trio.open_nursery())
        cluster = ClusterUnderTest(
            processes, under_test, grace=grace, sabotage=sabotage, beside=beside
        )
        for proxy, network in zip(proxies, networks, strict=True):
            await cluster.add_host(proxy, network, nursery)
        await cluster.ready()
        yield cluster
        nursery.cancel_scope.cancel()
