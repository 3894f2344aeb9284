"""Very many people come and go: what they leave in a node and in Redis must not grow."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from tests.load.arguments import between
from tests.load.generator import frames
from tests.load.target.processes import usage
from tests.nodes import NodeProcess, open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import WebSocketClient, encode_close, handshake

AT_ONCE: Final = 50
"""How many are there at the same time."""
ROOMS: Final = 20
SAMPLES: Final = 10
RUDE_SHARE: Final = 5
"""One in so many leaves without a goodbye."""
GRACE_SECONDS: Final = 1.0
MOST_GROWTH: Final = 0.02
"""The share by which memory may grow from when half of them have left to when all have."""
_PORTS_PER_ADDRESS: Final = 10_000


@dataclass(frozen=True)
class Residue:
    """What a node and Redis have when everybody has left, after so many who ``came``."""

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
class ChurnResult:
    """The samples in order, the first before anybody came; and the keys left in Redis."""

    samples: list[Residue]
    keys: list[str]

    @property
    def clean(self) -> bool:
        """Whether the second half of them left no more than the first half."""
        half, last = self.samples[len(self.samples) // 2], self.samples[-1]
        return last.kib <= half.kib * (1 + MOST_GROWTH) and (last.tasks, last.files, last.keys) == (
            half.tasks,
            half.files,
            half.keys,
        )

    def __str__(self) -> str:
        return f"keys left: {' '.join(self.keys)}\n{'clean' if self.clean else 'NOT CLEAN'}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the option of `run`."""
    parser.add_argument(
        "--count", type=between(int, 1), default=100_000, metavar="N", help="[100000]"
    )


async def run(folder: Path, *, count: int, show: Callable[[str], None]) -> ChurnResult:
    """Have ``count`` people come, enter a room and leave, and take samples meanwhile."""
    samples: list[Residue] = []
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
            samples.append(await _sample(node, redis, share * count // SAMPLES))
            show(str(samples[-1]))
        return ChurnResult(samples, redis.keys())


async def _come_and_go(node: NodeProcess, numbers: Iterator[int]) -> None:
    for number in numbers:
        address = f"127.0.0.{2 + number // _PORTS_PER_ADDRESS % 200}"
        stream = await trio.open_tcp_stream(node.host, node.port, local_address=address)
        async with stream:
            hello, join = frames.hello(f"churn{number}"), frames.join(f"room{number % ROOMS}")
            await stream.send_all(handshake() + hello + join)
            client = WebSocketClient(stream)
            await client.receive_until(b'"id":"join"')
            if number % RUDE_SHARE:
                await stream.send_all(encode_close(1000))
                await client.receive_all()


async def _sample(node: NodeProcess, redis: RedisServer, came: int) -> Residue:
    """Wait until everybody has left and is released; return what remains."""

    async def all_gone() -> bool:
        # The one connection is this request for the metrics.
        there = [
            await node.metric(f"chat_{name}") for name in ("connections", "sessions", "parked")
        ]
        return there == [1, 0, 0] and not redis.ask("HLEN", "chat:{nicks}")

    await until(all_gone, "everybody to be gone")
    pid = node.process.pid
    files = len(list(await trio.Path(f"/proc/{pid}/fd").iterdir()))
    tasks = int(await node.metric("chat_tasks"))
    return Residue(came, usage(pid).rss, tasks, files, redis.ask("DBSIZE"))
