"""Very many people come and go: what a node and Redis are left with must not grow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from tests.harness import NodeProcess, open_cluster, until
from tests.load.generator import frames
from tests.load.target.processes import usage
from tests.redis_server import RedisServer

AT_ONCE: Final = 50
ROOMS: Final = 20
SAMPLES: Final = 10
RUDE_SHARE: Final = 5
"""One in so many goes without a goodbye."""
GRACE_SECONDS: Final = 1.0
MOST_GROWTH: Final = 0.02
"""By how much the memory after all of them may be more than after half of them."""
_PORTS_PER_ADDRESS: Final = 10_000
_GOODBYE: Final = frames.frame((1000).to_bytes(2, "big"), 8)


@dataclass(frozen=True)
class Sample:
    """What a node has when everybody has gone, and how many had come until then."""

    came: int
    kib: int
    tasks: int
    files: int
    keys: int

    def __str__(self) -> str:
        return (
            f"{self.came:8} came and went: {self.kib / 1024:6.1f} MB, {self.tasks} tasks, "
            f"{self.files} files, {self.keys} keys in Redis"
        )


@dataclass(frozen=True)
class Outcome:
    """The samples in order, the first before anybody came; and what is left in Redis."""

    samples: list[Sample]
    keys: list[str]

    @property
    def clean(self) -> bool:
        """Whether the second half of them left nothing that the first half had not."""
        half, last = self.samples[len(self.samples) // 2], self.samples[-1]
        return last.kib <= half.kib * (1 + MOST_GROWTH) and (last.tasks, last.files, last.keys) == (
            half.tasks,
            half.files,
            half.keys,
        )

    def __str__(self) -> str:
        return f"keys left: {' '.join(self.keys)}\n{'clean' if self.clean else 'NOT CLEAN'}"


async def churn(folder: Path, *, count: int, show: Callable[[str], None]) -> Outcome:
    """Have so many come, enter a room and go, and look at the node from time to time."""
    samples: list[Sample] = []
    async with (
        RedisServer(folder) as redis,
        open_cluster(redis, 1, grace_seconds=GRACE_SECONDS, connect_rate=0) as cluster,
    ):
        node = cluster.nodes[0]
        for share in range(SAMPLES + 1):
            numbers = iter(range(max(0, share - 1) * count // SAMPLES, share * count // SAMPLES))
            async with trio.open_nursery() as nursery:
                for _ in range(AT_ONCE):
                    nursery.start_soon(_come_and_go, node, numbers)
            node.log.clear()
            samples.append(await _look(node, redis, share * count // SAMPLES))
            show(str(samples[-1]))
        return Outcome(samples, redis.keys())


async def _come_and_go(node: NodeProcess, numbers: Iterator[int]) -> None:
    for number in numbers:
        address = f"127.0.0.{2 + number // _PORTS_PER_ADDRESS % 200}"
        stream = await trio.open_tcp_stream(node.host, node.port, local_address=address)
        async with stream:
            await stream.send_all(
                frames.handshake("x", "/ws")
                + frames.hello(f"churn{number}")
                + frames.join(f"room{number % ROOMS}")
            )
            await _receive(stream, until_words=b'"id":"join"')
            if number % RUDE_SHARE:
                await stream.send_all(_GOODBYE)
                await _receive(stream)


async def _receive(stream: trio.SocketStream, until_words: bytes | None = None) -> None:
    """Receive until these words have come, or to the end."""
    received = b""
    while until_words is None or until_words not in received:
        chunk = await stream.receive_some()
        if not chunk:
            assert until_words is None, f"closed after {received!r}"
            return
        received += chunk


async def _look(node: NodeProcess, redis: RedisServer, came: int) -> Sample:
    """Wait until everybody is gone and released; then see what is left."""

    async def all_gone() -> bool:
        # The connection that asks is one, too.
        there = [
            await node.metric(f"chat_{name}") for name in ("connections", "sessions", "parked")
        ]
        return there == [1, 0, 0] and not redis.ask("HLEN", "chat:{nicks}")

    await until(all_gone, "everybody to be gone")
    pid = node.process.pid
    files = len(list(await trio.Path(f"/proc/{pid}/fd").iterdir()))
    tasks = int(await node.metric("chat_tasks"))
    return Sample(came, usage(pid).rss, tasks, files, redis.ask("DBSIZE"))
