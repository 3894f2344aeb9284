"""Connections to what is no Redis, or cannot be reached for a reason that nobody thought of."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
import structlog.testing
import trio

from gateway.backplane import Burst
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.server import RedisEndpoint
from gateway.backplane.redis.subscription import Subscription


class Nonsense:
    """Greets as Redis does, and answers a SUBSCRIBE with something else."""

    def __init__(self, says: bytes) -> None:
        self._says = says
        self._connections = 0
        self._came = trio.Event()

    async def serve(self, stream: trio.SocketStream) -> None:
        self._connections += 1
        self._came.set()
        with suppress(trio.BrokenResourceError):  # connections that are given up are reset
            async for data in stream:
                if b"SUBSCRIBE" in data:
                    await stream.send_all(self._says)
                else:
                    commands = sum(line.startswith(b"*") for line in data.split(b"\r\n"))
                    await stream.send_all(b"+OK\r\n" * commands)

    async def tried(self, times: int) -> None:
        """Wait until so many connections have come."""
        with trio.fail_after(20):
            while self._connections < times:
                self._came = trio.Event()
                await self._came.wait()


async def ignore(_: Burst) -> None:
    await trio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    "says",
    [
        b":1\r\n",
        b"$-1\r\n",
        b"$0\r\n\r\n",
        b"*-1\r\n",
        b"*0\r\n",
        b"*1\r\n$7\r\nmessage\r\n",
        b"*2\r\n$7\r\nmessage\r\n$1\r\nc\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
    ],
)
async def test_a_subscription_to_what_talks_nonsense_is_tried_again(says: bytes) -> None:
    nonsense = Nonsense(says)
    async with trio.open_nursery() as nursery:
        listener, *_ = await nursery.start(trio.serve_tcp, nonsense.serve, 0)
        port = listener.socket.getsockname()[1]
        server = RedisEndpoint.from_url(f"redis://localhost:{port}")
        subscription = Subscription(server, name="test", timeout=5)
        assert not await subscription.subscribe(b"channel"), "there is no connection yet"
        with structlog.testing.capture_logs() as logs:
            nursery.start_soon(lambda: subscription.run(on_burst=ignore, on_restored=lambda: None))
            await nonsense.tried(3)
        assert "redis away" in [line["event"] for line in logs]
        nursery.cancel_scope.cancel()


class Unreachable:
    """Fails to be found as where no more threads can be started, which looking up a name takes."""

    place = "nowhere"

    database = 0

    def __init__(self) -> None:
        self.asked = 0

    async def find(self) -> RedisEndpoint:
        await trio.lowlevel.checkpoint()
        self.asked += 1
        raise RuntimeError("can't start new thread")

    async def certain(self) -> None:
        await trio.lowlevel.checkpoint()

    async def watch(self, _: Callable[[], None]) -> None:
        await trio.sleep_forever()


async def test_a_redis_that_cannot_be_looked_for_is_tried_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    unreachable = Unreachable()
    async with trio.open_nursery() as nursery:
        with structlog.testing.capture_logs() as logs:
            nursery.start_soon(Link(unreachable, name="test", timeout=1).run)
            await trio.sleep(5)
        nursery.cancel_scope.cancel()
    assert unreachable.asked > 1
    assert autojump_clock.current_time() >= 5
    away = [line for line in logs if line["event"] == "redis away"]
    assert "can't start new thread" in away[0]["reason"]
