"""What befalls Redis: each fault is a context in which it is so, and after which we have let go."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import trio

from gateway.delivery.log_memory import REMEMBERED
from tests.faults.cluster import Struck
from tests.harness import until

LAG: Final = (0.3, 1.0)
FEW: Final = 5
MANY: Final = REMEMBERED + 20
"""Messages in one room that a roll-back loses."""
TALK_SECONDS: Final = 300.0
"""Seconds in which so much must be said, on however busy a machine."""


@asynccontextmanager
async def pause_redis(struck: Struck, _: random.Random) -> AsyncIterator[str]:
    """Redis takes connections and answers nothing."""
    redis = struck.redis
    redis.pause()
    try:
        yield "redis"
    finally:
        redis.resume()


@asynccontextmanager
async def redis_restart(struck: Struck, _: random.Random) -> AsyncIterator[str]:
    """Redis is away for a while."""
    await struck.redis.stop()
    yield "redis"
    await struck.start_redis()


@asynccontextmanager
async def full(struck: Struck, _: random.Random) -> AsyncIterator[str]:
    """Redis has no memory left: it refuses to write, and can be read."""
    redis = struck.redis
    redis.ask("CONFIG", "SET", "maxmemory", 1)
    try:
        yield "redis"
    finally:
        redis.ask("CONFIG", "SET", "maxmemory", 0)


@asynccontextmanager
async def flush(struck: Struck, _: random.Random) -> AsyncIterator[str]:
    """Somebody empties Redis: all that was said before is gone."""
    await _acknowledged(struck, since=0.0)
    struck.empty_redis()
    yield "redis"


@asynccontextmanager
async def roll_back(struck: Struck, _: random.Random) -> AsyncIterator[str]:
    """Redis comes back from a backup: the newest messages are gone."""
    await _lose_newest(struck, FEW)
    yield "redis"


@asynccontextmanager
async def roll_far_back(struck: Struck, _: random.Random) -> AsyncIterator[str]:
    """The same, and more is gone of each room than the nodes have at hand."""
    await _lose_newest(struck, MANY)
    yield "redis"


@asynccontextmanager
async def roll_back_again(struck: Struck, _: random.Random) -> AsyncIterator[str]:
    """Redis comes back from the same backup twice, and messages of either time are gone."""
    await _lose_newest(struck, FEW, times=2)
    yield "redis"


@asynccontextmanager
async def roll_back_unseen(struck: Struck, chance: random.Random) -> AsyncIterator[str]:
    """Redis comes back from a backup while a node stands still; the others go on far beyond it."""
    struck.redis.back_up()
    await _talk(struck, MANY)
    place = chance.choice(struck.places)
    place.node.pause()
    try:
        await struck.roll_redis_back()
        if len(struck.places) > 1:
            await _talk(struck, MANY)
        yield place.name
    finally:
        place.node.resume()


async def _lose_newest(struck: Struck, count: int, *, times: int = 1) -> None:
    """Back Redis up, and have it lose so many messages said in some room since then, each time."""
    struck.redis.back_up()
    for _time in range(times):
        await _talk(struck, count)
        await struck.roll_redis_back()


async def _talk(struck: Struck, count: int) -> None:
    """Wait until so many messages have been said in some room."""
    before = _said_by_room(struck)

    async def said() -> bool:
        now = _said_by_room(struck)
        return any(seq - before.get(key, 0) >= count for key, seq in now.items())

    struck.loud = count >= MANY
    try:
        await until(said, f"{count} messages in a room", TALK_SECONDS)
    finally:
        struck.loud = False


@asynccontextmanager
async def handover(struck: Struck, _: random.Random) -> AsyncIterator[str]:
    """The replica becomes the primary because somebody wants it so; nothing is lost."""
    await struck.group.hand_over()
    yield "redis"
    await struck.group.settled()


@asynccontextmanager
async def failover(struck: Struck, _: random.Random) -> AsyncIterator[str]:
    """The primary dies, and the sentinels have the replica take over."""
    group = struck.group
    await group.in_step()
    await group.lose_primary()
    yield "redis"
    await group.taken_over()


@asynccontextmanager
async def lagging_failover(struck: Struck, chance: random.Random) -> AsyncIterator[str]:
    """The primary dies while its replica lags behind: what was written meanwhile is gone."""
    group = struck.group
    await group.in_step()
    group.cut_replication()
    await _acknowledged(struck, since=trio.current_time())  # which the replica does not have
    await trio.sleep(chance.uniform(*LAG))
    await group.lose_primary()
    yield "redis"
    await group.taken_over()


@asynccontextmanager
async def sentinel_failover(struck: Struck, _: random.Random) -> AsyncIterator[str]:
    """A sentinel is told to fail over; the old primary takes writes until it is demoted."""
    await struck.group.fail_over()
    yield "redis"
    await struck.group.settled()


@asynccontextmanager
async def slow_demotion(struck: Struck, _: random.Random) -> AsyncIterator[str]:
    """The same, and the old primary cannot be demoted when the sentinels first try."""
    group = struck.group
    with group.no_demotion():
        await group.fail_over()
        yield "redis"
        await group.demotion_refused()
    await group.settled()


def _said_by_room(struck: Struck) -> dict[str, int]:
    """Return how many messages each room has had, by its key."""
    keys = struck.redis.ask("KEYS", "chat:{room:*}:meta")
    return {key: int(struck.redis.ask("HGET", key, "seq") or 0) for key in keys}


async def _acknowledged(struck: Struck, *, since: float) -> None:
    """Wait until a message is acknowledged that was said in a room since then."""

    async def something_is() -> bool:
        said = itertools.takewhile(lambda s: s.asked_at >= since, reversed(struck.history.sendings))
        return any(sending.seq is not None for sending in said)

    await until(something_is, "something to be acknowledged")


@asynccontextmanager
async def purge(struck: Struck, chance: random.Random) -> AsyncIterator[str]:
    """The operator erases what was said, while people talk."""

    async def something_is_said() -> bool:
        return any(_said_by_room(struck).values())

    await until(something_is_said, "something to be said that can be erased")
    yield await struck.purge(chance)
