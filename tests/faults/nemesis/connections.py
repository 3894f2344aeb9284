"""Faults of connections: between nodes and Redis, and between clients and nodes."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator
from typing import Final

import trio

from tests.faults.nemesis.fault import Effect, fault
from tests.faults.system.cluster import ClusterUnderTest
from tests.waiting import until

DELAY: Final = (0.05, 0.15)
SLOW_SECONDS: Final = 300.0
"""How long a slow reader may take to be closed. That depends on how much is sent, not on time."""


@fault(lasting=True)
async def partition(cluster: ClusterUnderTest, chance: random.Random) -> AsyncIterator[Effect]:
    """Nothing gets through between a node and Redis."""
    host = chance.choice(cluster.hosts)
    host.network.partition()
    try:
        yield Effect(host.name)
    finally:
        host.network.heal()


@fault(lasting=True)
async def delay(cluster: ClusterUnderTest, chance: random.Random) -> AsyncIterator[Effect]:
    """Everything between a node and Redis takes 100 ± 50 ms longer."""
    host = chance.choice(cluster.hosts)
    host.proxy.delay = DELAY
    try:
        yield Effect(host.name)
    finally:
        host.proxy.delay = None


@fault()
async def subscriber_cut(cluster: ClusterUnderTest, _: random.Random) -> AsyncIterator[Effect]:
    """Redis closes every subscription."""
    cluster.redis.server.ask("CLIENT", "KILL", "TYPE", "pubsub")
    yield Effect("all nodes")


@fault()
async def subscriber_silent(
    cluster: ClusterUnderTest, chance: random.Random
) -> AsyncIterator[Effect]:
    """A node's subscription stays open, and delivers nothing any more."""
    host = chance.choice(cluster.hosts)
    host.proxy.silence()
    yield Effect(host.name)


@fault()
async def drop(cluster: ClusterUnderTest, chance: random.Random) -> AsyncIterator[Effect]:
    """A client's connection breaks."""
    await chance.choice(cluster.client_proxies).drop()
    yield Effect("a client")


@fault()
async def slow(cluster: ClusterUnderTest, chance: random.Random) -> AsyncIterator[Effect]:
    """A client stops reading while very much is sent, until its node closes it for that."""
    before = await _slow_readers(cluster)

    async def closed() -> bool:
        return await _slow_readers(cluster) > before

    async def closed_or_gone() -> bool:
        return not proxy.unread or await closed()

    proxies = chance.sample(cluster.client_proxies, len(cluster.client_proxies))
    cluster.flooding = True
    try:
        with trio.move_on_after(SLOW_SECONDS):
            # A client that leaves by itself is never closed: then it is the next one's turn.
            for proxy in itertools.cycle(proxies):
                proxy.stop_reading()
                try:
                    await until(closed_or_gone, "a slow reader to be closed", SLOW_SECONDS)
                finally:
                    proxy.read_on()
                if await closed():
                    break
    finally:
        cluster.flooding = False
    assert await closed(), "no node closed a slow reader"
    yield Effect("a client")


async def _slow_readers(cluster: ClusterUnderTest) -> float:
    """Return how many slow readers the running nodes have closed."""
    return sum([await host.node.metric("chat_slow_readers_total") for host in cluster.hosts])
