"""Injects faults one after the other, with peace between them, and records them."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence

import trio

from tests.faults.history import InjectedFault, MemorySample, RunHistory
from tests.faults.nemesis.fault import Fault
from tests.faults.nemesis.mixes import endless
from tests.faults.system.cluster import ClusterUnderTest
from tests.load.target.processes import usage


def next_interval(bounds: tuple[float, float], chance: random.Random) -> tuple[float, float]:
    """Return seconds of peace and seconds of a fault after them.

    Together they are within ``bounds``; a fifth to four fifths of it is the fault.
    """
    span = chance.uniform(*bounds)
    hold = span * chance.uniform(0.2, 0.8)
    return span - hold, hold


async def strike(
    cluster: ClusterUnderTest,
    faults: Sequence[Fault],
    chance: random.Random,
    *,
    bounds: tuple[float, float],
    until: float,
    least: int,
    talk: Callable[[], Awaitable[None]],
    show: Callable[[str], None],
) -> None:
    """Inject faults until that time, and at ``least`` so many however long they take.

    ``bounds``: see `next_interval`. ``talk`` is awaited before each fault.
    """
    history = cluster.history
    for fault in endless(list(faults), chance):
        sample_memory(cluster)
        peace, hold = next_interval(bounds, chance)
        begin_at = trio.current_time() + peace
        if begin_at > until and len(history.faults) >= least:
            return
        await trio.sleep_until(begin_at)
        await talk()
        await _inject(fault, cluster, chance, hold=hold, show=show)


async def _inject(
    fault: Fault,
    cluster: ClusterUnderTest,
    chance: random.Random,
    *,
    hold: float,
    show: Callable[[str], None],
) -> None:
    """Inject one fault and record it; it is held for ``hold`` seconds, counted from now."""
    history, began = cluster.history, trio.current_time()
    async with fault.inject(cluster, chance) as effect:
        injected = InjectedFault(
            fault.name, effect.target, began,
            losses=fault.losses, deleted=effect.deleted, late=fault.late, erased=effect.erased,
            undone_since=None if fault.undoes is None else began - fault.undoes,
        )  # fmt: skip
        history.faults.append(injected)
        show(_progress(history, injected))
        if not fault.lasting:
            injected.ended = trio.current_time()
        await trio.sleep_until(began + hold)
    injected.ended = injected.ended or trio.current_time()


def _progress(history: RunHistory, fault: InjectedFault) -> str:
    number, sent = len(history.faults), len(history.room_sends)
    return f"{number} {fault.name} ({fault.target}); {sent} messages so far"


def sample_memory(cluster: ClusterUnderTest) -> None:
    """Record the memory of Redis and of the first node, which lives through the whole run."""
    processes = {
        "redis": cluster.redis.server.process,
        "node 1": cluster.hosts[0].node.process,
    }
    for name, process in processes.items():
        if process is not None:
            sample = MemorySample(name, trio.current_time(), usage(process.pid).rss)
            cluster.history.memory.append(sample)
