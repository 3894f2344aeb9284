"""Each fault: a context in which it is so, and after which we have let go."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from tests.faults.cluster import Place, Struck

DELAY: Final = (0.05, 0.15)

Fault = Callable[[Struck, random.Random], AbstractAsyncContextManager[str]]
"""The context gives the name of what was struck."""


def _any(struck: Struck, chance: random.Random) -> Place:
    return chance.choice(struck.places)


@asynccontextmanager
async def kill(struck: Struck, chance: random.Random) -> AsyncIterator[str]:
    """A node dies without a word, and another takes its place."""
    place = _any(struck, chance)
    await place.node.kill()
    yield place.name
    await struck.restart(place)


@asynccontextmanager
async def drain(struck: Struck, chance: random.Random) -> AsyncIterator[str]:
    """A node is asked to end, and another takes its place."""
    place = _any(struck, chance)
    await place.node.stop()
    yield place.name
    await struck.restart(place)


@asynccontextmanager
async def pause_node(struck: Struck, chance: random.Random) -> AsyncIterator[str]:
    """A node stands still, and goes on as if nothing had been."""
    node = _any(struck, chance).node
    node.pause()
    try:
        yield next(place.name for place in struck.places if place.node is node)
    finally:
        node.resume()


@asynccontextmanager
async def pause_redis(struck: Struck, _: random.Random) -> AsyncIterator[str]:
    """Redis takes connections and answers nothing."""
    struck.redis.pause()
    try:
        yield "redis"
    finally:
        struck.redis.resume()


@asynccontextmanager
async def redis_restart(struck: Struck, _: random.Random) -> AsyncIterator[str]:
    """Redis is away for a while."""
    await struck.redis.stop()
    yield "redis"
    await struck.redis.start()


@asynccontextmanager
async def partition(struck: Struck, chance: random.Random) -> AsyncIterator[str]:
    """Nothing comes through between a node and Redis."""
    place = _any(struck, chance)
    place.proxy.cut()
    try:
        yield place.name
    finally:
        place.proxy.heal()


@asynccontextmanager
async def delay(struck: Struck, chance: random.Random) -> AsyncIterator[str]:
    """All that goes between a node and Redis takes 100 ± 50 ms longer."""
    place = _any(struck, chance)
    place.proxy.delay = DELAY
    try:
        yield place.name
    finally:
        place.proxy.delay = None


@asynccontextmanager
async def subscriber_cut(struck: Struck, _: random.Random) -> AsyncIterator[str]:
    """Redis cuts every subscription."""
    struck.redis.ask("CLIENT", "KILL", "TYPE", "pubsub")
    yield "all nodes"


@asynccontextmanager
async def subscriber_silent(struck: Struck, chance: random.Random) -> AsyncIterator[str]:
    """A node's subscription looks well and never delivers anything again."""
    place = _any(struck, chance)
    place.proxy.silence()
    yield place.name


@asynccontextmanager
async def slow(struck: Struck, chance: random.Random) -> AsyncIterator[str]:
    """A client stops reading."""
    proxy = chance.choice(struck.client_proxies)
    proxy.cut()
    try:
        yield "a client"
    finally:
        proxy.heal()


@asynccontextmanager
async def drop(struck: Struck, chance: random.Random) -> AsyncIterator[str]:
    """A client's connection breaks."""
    await chance.choice(struck.client_proxies).drop()
    yield "a client"


MIXES: Final[dict[str, tuple[Fault, ...]]] = {
    "kill": (kill,),
    "drain": (drain,),
    "pause": (pause_node, pause_redis),
    "redis-pause": (pause_redis,),
    "redis-restart": (redis_restart,),
    "partition": (partition,),
    "subscriber-cut": (subscriber_cut, subscriber_silent),
    "subscriber-silent": (subscriber_silent,),
    "slow": (slow,),
    "drop": (drop,),
    "delay": (delay,),
    "none": (),
}

LASTING: Final = (kill, drain, pause_node, pause_redis, redis_restart, partition, delay, slow)
"""Faults that go on until we let go; the cluster mends the others by itself, from the first on."""


def faults_of(mix: str) -> list[Fault]:
    """Read a mix: names with commas between them, or ``all``; gives the faults to choose from.

    :raises ValueError: if there is no such mix.
    """
    if mix == "all":
        return list(dict.fromkeys(fault for faults in MIXES.values() for fault in faults))
    names = mix.split(",")
    if unknown := [name for name in names if name not in MIXES]:
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(MIXES)}, all")
    return [fault for name in names for fault in MIXES[name]]


def endless(faults: list[Fault], chance: random.Random) -> Iterator[Fault]:
    """Give faults for ever, each as often as the others, in any order."""
    while faults:
        yield from chance.sample(faults, len(faults))
