"""What happens to innocents is noticed: a node that stands still, one that closes connections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from tests import PATIENCE
from tests.attacks.innocents import BYSTANDERS, Innocents
from tests.nodes import NodeProcess, open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until


@asynccontextmanager
async def innocents_on_a_node(
    folder: Path, patience: float
) -> AsyncIterator[tuple[NodeProcess, Innocents]]:
    async with (
        RedisServer(folder) as redis,
        open_cluster(redis, 1, flood_rate=10) as cluster,
        trio.open_nursery() as nursery,
    ):
        innocents = Innocents([cluster.nodes[0].port], patience)
        await nursery.start(innocents.run)
        yield cluster.nodes[0], innocents
        nursery.cancel_scope.cancel()


async def test_in_peace_all_is_well(tmp_path: Path) -> None:
    async with innocents_on_a_node(tmp_path, PATIENCE) as (_, innocents):
        observed = innocents.observe()
        await until(lambda: observed.echoes and observed.arrivals, "echoes and newcomers")
        innocents.observe()
        await observed.complete()
        assert not observed.closed
        assert not observed.wrong
        assert 0 < observed.echoes.percentile(50) < PATIENCE * 1e6


async def test_a_node_that_stands_still_is_noticed(tmp_path: Path) -> None:
    async with innocents_on_a_node(tmp_path, 0.5) as (node, innocents):
        node.pause()
        observed = innocents.observe()
        await until(lambda: observed.wrong["messages not echoed"], "a bystander to give up")
        await until(lambda: observed.wrong["newcomers not let in"], "a newcomer to give up")
        innocents.observe()
        await observed.complete()
        assert observed.echoes.percentile(0) >= 500_000
        assert observed.arrivals.percentile(0) >= 500_000


async def test_whoever_is_closed_is_noticed(tmp_path: Path) -> None:
    async with innocents_on_a_node(tmp_path, 0.5) as (node, innocents):
        await node.kill()
        await until(lambda: innocents.observed.closed[1006] == BYSTANDERS, "all to be closed")
