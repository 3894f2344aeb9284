"""A node that stops, in this process, with a clock that tests set; there is no Redis."""

from __future__ import annotations

import structlog.testing
import trio
from trio.testing import MockClock

from gateway.config import Settings
from gateway.node import Node
from tests.websocket import open_websocket


async def test_who_connects_meanwhile_and_says_nothing_does_not_hold_up_the_stop(
    mock_clock: MockClock,
) -> None:
    node = Node(Settings(redis="unix:///nowhere/redis.sock", port=0))
    with structlog.testing.capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            port = await nursery.start(node.run)
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                client = await open_websocket(stream)
                node.stop()
                await client.receive_until((4000).to_bytes(2, "big"))
                latecomer = await trio.open_tcp_stream("127.0.0.1", port)
                while b"\nchat_connections 2.0" not in node.context.metrics.exposition():
                    await trio.lowlevel.checkpoint()
            async with latecomer:
                # The clock stands still until everybody only waits for time to pass.
                mock_clock.autojump_threshold = 0.05
                assert await latecomer.receive_some() == b""
    [stopped] = [line for line in logs if line["event"] == "stopped"]
    assert stopped["in_time"] is True
