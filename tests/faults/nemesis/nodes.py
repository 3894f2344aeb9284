"""Faults of node processes."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Final

import trio

from gateway.cluster.membership import DEAD_AFTER
from tests.faults.nemesis.fault import Effect, fault
from tests.faults.system.cluster import ClusterUnderTest, NodeHost

DEAD_SECONDS: Final = DEAD_AFTER + 1.0
"""Longer than nodes wait for another node's heartbeat until they declare it dead."""


def _expendable(cluster: ClusterUnderTest, chance: random.Random) -> NodeHost:
    """Choose a node that may end: not the first, whose memory is sampled through the whole run."""
    return chance.choice(cluster.hosts[1:] or cluster.hosts)


@fault(lasting=True)
async def kill(cluster: ClusterUnderTest, chance: random.Random) -> AsyncIterator[Effect]:
    """A node is killed, and started again."""
    host = _expendable(cluster, chance)
    await host.node.kill()
    yield Effect(host.name)
    await cluster.restart(host)


@fault(lasting=True)
async def drain(cluster: ClusterUnderTest, chance: random.Random) -> AsyncIterator[Effect]:
    """A node is asked to end by SIGTERM, and started again."""
    host = _expendable(cluster, chance)
    await host.node.stop()
    yield Effect(host.name)
    await cluster.restart(host)


@fault(lasting=True)
async def pause_node(cluster: ClusterUnderTest, chance: random.Random) -> AsyncIterator[Effect]:
    """A node is stopped by SIGSTOP, and continued."""
    host = chance.choice(cluster.hosts)
    node = host.node
    node.pause()
    try:
        yield Effect(host.name)
    finally:
        node.resume()


@fault(lasting=True)
async def pause_all(cluster: ClusterUnderTest, _: random.Random) -> AsyncIterator[Effect]:
    """All nodes are stopped by SIGSTOP for so long that each takes the others for dead."""
    nodes = [host.node for host in cluster.hosts]
    for node in nodes:
        node.pause()
    try:
        await trio.sleep(DEAD_SECONDS)
        yield Effect("all nodes")
    finally:
        for node in nodes:
            node.resume()
