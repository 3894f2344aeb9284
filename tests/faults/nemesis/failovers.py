"""Failovers of a Sentinel group."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Final

import trio

from tests.faults.nemesis.fault import Effect, fault
from tests.faults.nemesis.waiting import until_acknowledged
from tests.faults.system.cluster import ClusterUnderTest

LAG: Final = (0.3, 1.0)
FOLLOWED_SECONDS: Final = 2.0
"""How long after a sentinel names another primary the old one may acknowledge messages."""


@fault(needs_sentinels=True)
async def handover(cluster: ClusterUnderTest, _: random.Random) -> AsyncIterator[Effect]:
    """The replica becomes the primary while writes are paused; nothing is lost."""
    await cluster.redis.group.hand_over()
    yield Effect("redis")
    await cluster.redis.group.settled()


@fault(needs_sentinels=True, losses=1)
async def failover(cluster: ClusterUnderTest, _: random.Random) -> AsyncIterator[Effect]:
    """The primary is killed, and the sentinels promote the replica."""
    group = cluster.redis.group
    await group.in_step()
    await group.lose_primary()
    yield Effect("redis")
    await group.taken_over()


@fault(needs_sentinels=True, losses=1)
async def lagging_failover(
    cluster: ClusterUnderTest, chance: random.Random
) -> AsyncIterator[Effect]:
    """The primary is killed while its replica lags behind: what was written meanwhile is gone."""
    group = cluster.redis.group
    await group.in_step()
    group.cut_replication()
    await until_acknowledged(cluster.history, since=trio.current_time())
    await trio.sleep(chance.uniform(*LAG))
    await group.lose_primary()
    yield Effect("redis")
    await group.taken_over()


@fault(needs_sentinels=True, losses=1, late=FOLLOWED_SECONDS)
async def sentinel_failover(cluster: ClusterUnderTest, _: random.Random) -> AsyncIterator[Effect]:
    """A sentinel is told to fail over; the old primary takes writes until it is demoted."""
    await cluster.redis.group.fail_over()
    yield Effect("redis")
    await cluster.redis.group.settled()


@fault(needs_sentinels=True, losses=1, late=FOLLOWED_SECONDS)
async def slow_demotion(cluster: ClusterUnderTest, _: random.Random) -> AsyncIterator[Effect]:
    """The same, and the sentinels cannot demote the old primary when they first try."""
    group = cluster.redis.group
    with group.no_demotion():
        await group.fail_over()
        yield Effect("redis")
        await group.demotion_refused()
    await group.settled()
