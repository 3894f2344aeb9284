"""Each fault: a context in which it is so, and after which we have let go."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import trio

from gateway.cluster.membership import DEAD_AFTER
from tests.faults.cluster import Place, Struck
from tests.faults.redis_faults import (
    failover,
    flush,
    full,
    handover,
    lagging_failover,
    pause_redis,
    purge,
    redis_restart,
    roll_back,
    roll_back_again,
    roll_back_unseen,
    roll_far_back,
    sentinel_failover,
    slow_demotion,
)
from tests.faults.rivals import double_resume
from tests.harness import until

DELAY: Final = (0.05, 0.15)
SLOW_SECONDS: Final = 300.0
"""Seconds in which a slow reader must be closed; it is once enough was said, however fast."""
DEAD_SECONDS: Final = DEAD_AFTER + 1.0
"""Longer than nodes wait for another one's beat until they take it for dead."""

Fault = Callable[[Struck, random.Random], AbstractAsyncContextManager[str]]
"""The context gives the name of what was struck."""


def _any(struck: Struck, chance: random.Random) -> Place:
    return chance.choice(struck.places)


def _mortal(struck: Struck, chance: random.Random) -> Place:
    """Choose one that may end: the first lives on, so that its memory tells of all faults."""
    return chance.choice(struck.places[1:] or struck.places)


@asynccontextmanager
async def kill(struck: Struck, chance: random.Random) -> AsyncIterator[str]:
    """A node dies without a word, and another takes its place."""
    place = _mortal(struck, chance)
    await place.node.kill()
    yield place.name
    await struck.restart(place)


@asynccontextmanager
async def drain(struck: Struck, chance: random.Random) -> AsyncIterator[str]:
    """A node is asked to end, and another takes its place."""
    place = _mortal(struck, chance)
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
async def pause_all(struck: Struck, _: random.Random) -> AsyncIterator[str]:
    """All nodes stand still together, for longer than one of them would be alive to the others."""
    nodes = [place.node for place in struck.places]
    for node in nodes:
        node.pause()
    try:
        await trio.sleep(DEAD_SECONDS)
        yield "all nodes"
    finally:
        for node in nodes:
            node.resume()


@asynccontextmanager
async def partition(struck: Struck, chance: random.Random) -> AsyncIterator[str]:
    """Nothing comes through between a node and Redis."""
    place = _any(struck, chance)
    place.way.cut()
    try:
        yield place.name
    finally:
        place.way.heal()


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
    """A client stops reading, and very much is said, until its node has closed it for that."""
    before = await _slow_readers(struck)

    async def closed() -> bool:
        return await _slow_readers(struck) > before

    async def closed_or_gone() -> bool:
        return not proxy.unread or await closed()

    proxies = chance.sample(struck.client_proxies, len(struck.client_proxies))
    struck.loud = True
    try:
        with trio.move_on_after(SLOW_SECONDS):
            # One that goes by itself is never closed: then it is another one's turn.
            for proxy in itertools.cycle(proxies):
                proxy.stop_reading()
                try:
                    await until(closed_or_gone, "a slow reader to be closed", SLOW_SECONDS)
                finally:
                    proxy.read_on()
                if await closed():
                    break
    finally:
        struck.loud = False
    assert await closed(), "no node closed a slow reader"
    yield "a client"


async def _slow_readers(struck: Struck) -> float:
    """Give how many slow readers the nodes have closed."""
    return sum([await place.node.metric("chat_slow_readers_total") for place in struck.places])


@asynccontextmanager
async def drop(struck: Struck, chance: random.Random) -> AsyncIterator[str]:
    """A client's connection breaks."""
    await chance.choice(struck.client_proxies).drop()
    yield "a client"


MIXES: Final[dict[str, tuple[Fault, ...]]] = {
    "kill": (kill,),
    "drain": (drain,),
    "pause": (pause_node, pause_redis),
    "pause-all": (pause_all,),
    "redis-pause": (pause_redis,),
    "redis-restart": (redis_restart,),
    "full": (full,),
    "flush": (flush,),
    "rollback": (roll_back, roll_far_back, roll_back_again, roll_back_unseen),
    "failover": (handover, failover, lagging_failover),
    "handover": (handover,),
    "lagging-failover": (lagging_failover,),
    "sentinel-failover": (sentinel_failover,),
    "slow-demotion": (slow_demotion,),
    "partition": (partition,),
    "subscriber-cut": (subscriber_cut, subscriber_silent),
    "subscriber-silent": (subscriber_silent,),
    "slow": (slow,),
    "drop": (drop,),
    "delay": (delay,),
    "double-resume": (double_resume,),
    "purge": (purge,),
    "none": (),
}

MOVED_SECONDS: Final = 2.0
"""Once a sentinel has named another primary, nothing is acknowledged by the old one after this."""
NAMED: Final = (sentinel_failover, slow_demotion)
"""Faults that end as a sentinel names another primary, beside the old one that goes on."""
NEED_SENTINELS: Final = (handover, failover, lagging_failover, *NAMED)
"""Faults for which Redis is a Sentinel group; for the others in the same run it is one, too. They
prove the same of it: the sentinels do nothing about a primary that is paused, or restarts."""
LOSSES: Final[dict[Fault, int]] = {
    failover: 1,
    lagging_failover: 1,
    sentinel_failover: 1,
    slow_demotion: 1,
    flush: 1,
    roll_back: 1,
    roll_far_back: 1,
    roll_back_again: 2,
    roll_back_unseen: 1,
}
"""Faults by which Redis may lose messages, and how often: all that it acknowledged since they began
(replication is asynchronous) or had before. The promise is then that nobody is left to believe
that they are there."""

LASTING: Final = (
    kill, drain, pause_node, pause_all, pause_redis, redis_restart, full, partition, delay,
    roll_back_unseen,
)  # fmt: skip
"""Faults that go on until we let go; the cluster mends the others by itself, from the first on."""


NAMES: Final = (*MIXES, "all")


def faults_of(mix: str) -> list[Fault]:
    """Read a mix: names with commas between them; gives the faults to choose from, each once.

    :raises ValueError: if there is no such mix.
    """
    names = mix.split(",")
    if unknown := [name for name in names if name not in NAMES]:
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(NAMES)}")
    chosen = MIXES if "all" in names else names
    return list(dict.fromkeys(fault for name in chosen for fault in MIXES[name]))


def endless(faults: list[Fault], chance: random.Random) -> Iterator[Fault]:
    """Give faults for ever, each as often as the others, in any order."""
    while True:
        yield from chance.sample(faults, len(faults))
