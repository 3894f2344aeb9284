"""A node in the test's own process, to look into."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from gateway.config import Settings
from gateway.node import Node
from tests.harness import until
from tests.redis_server import RedisServer


@asynccontextmanager
async def running_node(
    redis_server: RedisServer, *, grace: float = 0, patience: float = 1.5
) -> AsyncIterator[Node]:
    """Run a node that is ready; there is no flood control."""
    node = Node(
        Settings(
            redis=redis_server.url,
            port=0,
            grace_seconds=grace,
            redis_timeout=patience,
            flood_rate=0,
        )
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(node.run)

        async def ready() -> bool:
            return node._why_not_ready() is None

        await until(ready, "the node to be ready")
        yield node
        nursery.cancel_scope.cancel()
