"""Redis comes back from a backup: the newest messages are gone."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

from tests.faults.nemesis.fault import Effect, fault
from tests.faults.nemesis.waiting import FEW, MANY, until_sent
from tests.faults.system.cluster import ClusterUnderTest


@fault(losses=1, undoes=0.0)
async def roll_back(cluster: ClusterUnderTest, _: random.Random) -> AsyncIterator[Effect]:
    """A few messages are gone."""
    yield Effect("redis", deleted=await _lose_newest(cluster, FEW))


@fault(losses=1, undoes=0.0)
async def roll_far_back(cluster: ClusterUnderTest, _: random.Random) -> AsyncIterator[Effect]:
    """More messages of a room are gone than nodes have in memory."""
    yield Effect("redis", deleted=await _lose_newest(cluster, MANY))


@fault(losses=2, undoes=0.0)
async def roll_back_again(cluster: ClusterUnderTest, _: random.Random) -> AsyncIterator[Effect]:
    """Redis comes back from the same backup twice, and messages of both times are gone."""
    yield Effect("redis", deleted=await _lose_newest(cluster, FEW, times=2))


@fault(lasting=True, losses=1, undoes=0.0)
async def roll_back_unseen(
    cluster: ClusterUnderTest, chance: random.Random
) -> AsyncIterator[Effect]:
    """A node stands still during a roll-back; when it continues, others have sent many more."""
    cluster.redis.server.back_up()
    await until_sent(cluster, MANY)
    host = chance.choice(cluster.hosts)
    node = host.node
    node.pause()
    try:
        deleted = await cluster.redis.roll_back()
        if len(cluster.hosts) > 1:
            await until_sent(cluster, MANY)
        yield Effect(host.name, deleted=deleted)
    finally:
        node.resume()


async def _lose_newest(cluster: ClusterUnderTest, count: int, *, times: int = 1) -> frozenset[str]:
    """Make a backup, and ``times`` over wait for ``count`` messages in a room and roll back.

    :returns: the texts of the messages that are gone.
    """
    deleted: frozenset[str] = frozenset()
    cluster.redis.server.back_up()
    for _time in range(times):
        await until_sent(cluster, count)
        deleted |= await cluster.redis.roll_back()
    return deleted
