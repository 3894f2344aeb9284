"""What waits for all clients of a node has a bound, and who reads pays for nobody."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Final

from gateway.config import Settings
from gateway.node import Node
from tests import PATIENCE
from tests.cluster.inside import line_to, serving
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import connect

BOUND: Final = 1024 * 1024
SLOW: Final = 8


async def test_beyond_the_bound_those_for_whom_most_waits_are_closed(
    redis_server: RedisServer,
) -> None:
    settings = Settings(
        redis=redis_server.url, port=0, flood_rate=0, redis_timeout=PATIENCE,
        outbox_total_bytes=BOUND,
    )  # fmt: skip
    node = Node(settings)
    counts = node.context.metrics.counts
    async with serving(node) as url, AsyncExitStack() as stack:
        await until(lambda: node.context.why_not_ready() is None, "the node to be ready")
        alice = await stack.enter_async_context(connect(url, "alice"))
        await alice.join()
        for number in range(SLOW):
            slow = await stack.enter_async_context(line_to(node))
            await slow.ask({"type": "hello", "nick": f"slow{number}", "id": "h"})
            await slow.ask({"type": "join", "room": "lobby", "id": "j", "history": 0})
        most = number = 0
        while not counts.slow_readers:
            sent = {"type": "send", "room": "lobby", "text": "x" * 4000, "id": f"{number}"}
            assert (await alice.ask(sent))["type"] == "ok"
            most = max(most, node.context.waiting.bytes)
            number += 1
        assert counts.slow_readers < SLOW
        assert BOUND // 2 < most <= BOUND
        assert number * 4000 < settings.outbox_bytes, "nobody was over a bound of their own"
        assert (await alice.ask({"type": "ping", "id": "p"}))["type"] == "ok"
