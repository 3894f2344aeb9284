"""Memory and CPU of nodes and Redis, while an attack goes on and afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import trio

from tests.attacks.bounds import Bounds, Level
from tests.load.target.processes import usage
from tests.nodes import Cluster

SAMPLE_SECONDS: Final = 0.25
_MIB: Final = 1024.0


class Meter:
    """Measures what the nodes of a cluster, together, and its Redis use."""

    def __init__(self, cluster: Cluster) -> None:
        assert cluster.redis.process is not None
        self._cluster = cluster
        self._node_pids = [node.process.pid for node in cluster.nodes]
        self._redis_pid = cluster.redis.process.pid
        self._began = trio.current_time()
        self._cpu_before = self._cpu()
        self._sampled = trio.Event()
        resident = self._resident()
        self.nodes = Level(resident, resident, resident)
        """Memory of the nodes that is resident."""
        self.redis = Level(0.0, 0.0, 0.0)
        """Memory that Redis has given to data, and to its clients."""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Take samples until cancelled; started with the first one."""
        used = await self._redis_mib()
        self.redis = Level(used, used, used)
        task_status.started()
        while True:
            await trio.sleep(SAMPLE_SECONDS)
            self.nodes = _with(self.nodes, self._resident())
            self.redis = _with(self.redis, await self._redis_mib())
            self._sampled.set()
            self._sampled = trio.Event()

    def cpu(self) -> tuple[float, float]:
        """Return the shares of a core that the nodes and Redis have used since the beginning."""
        seconds = trio.current_time() - self._began
        nodes, redis = (
            (now - before) / seconds
            for now, before in zip(self._cpu(), self._cpu_before, strict=True)
        )
        return nodes, redis

    async def exceeds(self, mib: float) -> None:
        """Wait until the nodes have more memory than this."""
        while self.nodes.after <= mib:
            await self._sampled.wait()

    async def settle(self, bounds: Bounds) -> float:
        """Wait until the nodes' memory is within its bound again; return the seconds that took.

        At most ``bounds.settle``.
        """
        began = trio.current_time()
        with trio.move_on_after(bounds.settle):
            while self.nodes.after > self.nodes.before * (1 + bounds.memory):
                await self._sampled.wait()
        return trio.current_time() - began

    def _cpu(self) -> tuple[float, float]:
        return sum(usage(pid).cpu for pid in self._node_pids), usage(self._redis_pid).cpu

    def _resident(self) -> float:
        return sum(usage(pid).rss for pid in self._node_pids) / _MIB

    async def _redis_mib(self) -> float:
        ask = partial(self._cluster.redis.ask, "INFO", "memory")
        answer = await trio.to_thread.run_sync(ask, abandon_on_cancel=True)
        return float(answer["used_memory"]) / _MIB**2


@asynccontextmanager
async def metered(cluster: Cluster) -> AsyncIterator[Meter]:
    """Measure what a cluster uses from now on, as long as the context lasts."""
    meter = Meter(cluster)
    async with trio.open_nursery() as nursery:
        await nursery.start(meter.run)
        yield meter
        nursery.cancel_scope.cancel()


def _with(level: Level, now: float) -> Level:
    return Level(level.before, max(level.most, now), now)
