"""A node with very many sessions is killed: how soon, and how gently, all it held is released."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import trio

from gateway.backplane.redis import scripts
from tests.load.arguments import between
from tests.load.generator.client import ClientSpec
from tests.load.generator.fleet import Fleet
from tests.nodes import open_cluster
from tests.redis_server import RedisServer
from tests.waiting import until

LOBBY_SHARE: Final = 10
"""One session in so many is in the lobby; the others are spread over other rooms."""
ROOMS: Final = 100
NICKS: Final = "chat:{nicks}"
LONGEST_MILLISECONDS: Final = 5.0
"""The longest that a command may keep Redis busy."""
NOTICED_WITHIN: Final = 5.0
"""Seconds after its last heartbeat in which a node must be declared dead."""
RELEASED_WITHIN: Final = 10.0
"""Seconds after the grace time in which everything must be released."""
NOTED_MICROSECONDS: Final = 100
"""Commands that take at least so long are in the slow log of Redis."""
_SCRIPTS: Final = {
    script.sha: f"{name.lower()}.lua"
    for name, script in vars(scripts).items()
    if isinstance(script, scripts.Script)
}


@dataclass(frozen=True)
class ReleaseResult:
    """How long it took, in seconds since the last heartbeat, and what kept Redis busy longest.

    ``slowest``: milliseconds and the command, the longest first; of those in the slow log.
    """

    sessions: int
    grace: float
    dead_after: float
    released_after: float
    slowest: list[tuple[float, str]]

    @property
    def clean(self) -> bool:
        """Whether everything was in time."""
        return (
            self.dead_after <= NOTICED_WITHIN
            and self.released_after <= self.grace + RELEASED_WITHIN
            and all(took <= LONGEST_MILLISECONDS for took, _ in self.slowest)
        )

    def __str__(self) -> str:
        slowest = ", ".join(f"{name} {took:.2f} ms" for took, name in self.slowest[:5])
        return (
            f"{self.sessions} sessions, grace {self.grace:g} s; since the last beat: "
            f"noticed {self.dead_after:.1f} s, all released {self.released_after:.1f} s\n"
            f"longest in Redis: {slowest or 'all below 0.1 ms'}\n"
            f"{'clean' if self.clean else 'NOT CLEAN'}"
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `run`."""
    parser.add_argument(
        "--sessions", type=between(int, 1, 20_000), default=15_000, metavar="N", help="[15000]"
    )
    parser.add_argument(
        "--grace", type=between(float, 0, 3600), default=15.0, metavar="N",
        help="the grace time [15]",
    )  # fmt: skip


async def run(
    folder: Path, *, sessions: int, grace: float, show: Callable[[str], None]
) -> ReleaseResult:
    """Open so many sessions on one node of three, and kill the node."""
    async with (
        RedisServer(folder) as redis,
        open_cluster(redis, 3, grace_seconds=grace, connect_rate=0) as cluster,
    ):
        doomed = cluster.nodes[0]
        fleet = Fleet([_spec(number, doomed.url) for number in range(sessions)])
        await trio.to_thread.run_sync(_come_in, fleet, show)
        if fleet.ready < sessions:
            raise RuntimeError(f"not everybody came in: {dict(fleet.failures)}")
        name = (await doomed.logged("listening"))["node"]
        await until(partial(_beats, redis, name, _beat(redis, name)), "a heartbeat")
        redis.ask("CONFIG", "SET", "slowlog-max-len", 100_000)
        redis.ask("CONFIG", "SET", "slowlog-log-slower-than", NOTED_MICROSECONDS)
        redis.ask("SLOWLOG", "RESET")
        await doomed.kill()
        began = trio.current_time()
        show("killed")
        await until(lambda: _beat(redis, name) < 0, "a survivor to notice")
        dead_after = trio.current_time() - began
        await until(
            lambda: not redis.ask("HLEN", NICKS) and not redis.ask("KEYS", "*:members"),
            "everything to be released",
            seconds=grace + 60,
        )
        released_after = trio.current_time() - began
        return ReleaseResult(sessions, grace, dead_after, released_after, _slowest(redis))


def _spec(number: int, url: str) -> ClientSpec:
    room = f"room{number % ROOMS}" if number % LOBBY_SHARE else "lobby"
    return ClientSpec(number, room, [url], sampled=False, mover=False)


def _come_in(fleet: Fleet, show: Callable[[str], None]) -> None:
    while not fleet.all_in:
        trio.from_thread.check_cancelled()
        before = fleet.ready // 1000
        fleet.step()
        if fleet.ready // 1000 > before:
            show(f"{fleet.ready} came in")


def _beat(redis: RedisServer, node: str) -> int:
    return int(redis.ask("HGET", "chat:heartbeats", node) or -1)


async def _beats(redis: RedisServer, node: str, before: int) -> bool:
    return _beat(redis, node) > before


def _slowest(redis: RedisServer) -> list[tuple[float, str]]:
    entries = [(entry[2] / 1000, _what(entry[3])) for entry in redis.ask("SLOWLOG", "GET", -1)]
    return sorted(entries, reverse=True)


def _what(command: list[Any]) -> str:
    name = str(command[0])
    return _SCRIPTS.get(str(command[1]), name) if name.upper() == "EVALSHA" else name
