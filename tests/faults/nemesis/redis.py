"""Faults of a single Redis: it stops, restarts, is full, is emptied; its clock jumps; a purge."""

from __future__ import annotations

import math
import random
from collections.abc import AsyncIterator
from typing import Final

from tests.faults.nemesis.fault import Effect, fault
from tests.faults.nemesis.waiting import until_acknowledged, until_anything_sent
from tests.faults.system.cluster import ClusterUnderTest
from tests.movable_clock import DAY, HOUR

JUMPS: Final = (2 * HOUR, 8 * DAY)
"""Seconds: longer than anything that is held expires in, if it does; longer than logs are kept."""


@fault(lasting=True)
async def pause_redis(cluster: ClusterUnderTest, _: random.Random) -> AsyncIterator[Effect]:
    """Redis is stopped by SIGSTOP: it accepts connections and answers nothing."""
    redis = cluster.redis.server
    redis.pause()
    try:
        yield Effect("redis")
    finally:
        redis.resume()


@fault(lasting=True)
async def redis_restart(cluster: ClusterUnderTest, _: random.Random) -> AsyncIterator[Effect]:
    """Redis is away for a while."""
    await cluster.redis.server.stop()
    yield Effect("redis")
    await cluster.redis.start()


@fault(lasting=True)
async def full(cluster: ClusterUnderTest, _: random.Random) -> AsyncIterator[Effect]:
    """Redis has no memory left: it refuses to write, and can be read."""
    redis = cluster.redis.server
    redis.ask("CONFIG", "SET", "maxmemory", 1)
    try:
        yield Effect("redis")
    finally:
        redis.ask("CONFIG", "SET", "maxmemory", 0)


@fault(losses=1, undoes=math.inf)
async def flush(cluster: ClusterUnderTest, _: random.Random) -> AsyncIterator[Effect]:
    """Somebody empties Redis: all earlier messages are gone."""
    await until_acknowledged(cluster.history, since=0.0)
    yield Effect("redis", deleted=cluster.redis.empty())


@fault()
async def clock_ahead(cluster: ClusterUnderTest, chance: random.Random) -> AsyncIterator[Effect]:
    """The clock of Redis jumps ahead, and goes on from there."""
    await until_acknowledged(cluster.history, since=0.0)
    cluster.redis.move_clock(chance.choice(JUMPS))
    yield Effect("redis")


@fault()
async def clock_back(cluster: ClusterUnderTest, chance: random.Random) -> AsyncIterator[Effect]:
    """The clock of Redis is set back, and goes on from there."""
    await until_acknowledged(cluster.history, since=0.0)
    cluster.redis.move_clock(-chance.choice(JUMPS))
    yield Effect("redis")


@fault()
async def purge(cluster: ClusterUnderTest, chance: random.Random) -> AsyncIterator[Effect]:
    """The operator erases messages while people talk."""
    await until_anything_sent(cluster.redis)
    room, erased = await cluster.redis.purge(chance)
    yield Effect(room, erased=erased)
