"""A hundred people want one nickname, a thousand times over: each time at most one may get it."""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trio

from client.session import ClientSession, CommandError, NotConnected, open_session
from tests.faults.nemesis.nodes import kill
from tests.faults.system.cluster import ClusterUnderTest, open_cluster_under_test
from tests.load.arguments import between

PRIZE: Final = "prize"
RETRY_SECONDS: Final = 0.2
ROUND_SECONDS: Final = 30.0
KILL_SECONDS: Final = (3.0, 6.0)


@dataclass
class RaceResult:
    """Rounds by their number of winners; ``unknown`` counts answers that were lost."""

    winners: dict[int, int] = field(default_factory=dict)
    unknown: int = 0
    kills: int = 0
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        """Whether nobody shared the name, and somebody got it wherever every answer came."""
        return (
            1 in self.winners
            and max(self.winners) <= 1
            and (self.kills > 0 or 0 not in self.winners)
        )

    def __str__(self) -> str:
        rounds = ", ".join(f"{count} with {won}" for won, count in sorted(self.winners.items()))
        return (
            f"rounds by their winners: {rounds}; {self.unknown} answers unknown, "
            f"{self.kills} kills, {self.seconds:.1f} s\n{'clean' if self.clean else 'NOT CLEAN'}"
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `run`."""
    parser.add_argument(
        "--people", type=between(int, 1, 10_000), default=100, metavar="N", help="[100]"
    )
    parser.add_argument("--rounds", type=between(int, 1), default=1000, metavar="N", help="[1000]")
    parser.add_argument("--kills", action="store_true", help="nodes die meanwhile")


async def run(
    folder: Path, *, people: int, rounds: int, kills: bool, show: Callable[[str], None]
) -> RaceResult:
    """Run all rounds on three nodes; with ``kills``, nodes are killed and restarted meanwhile."""
    result = RaceResult()
    chance = random.Random(0)
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(
            open_cluster_under_test(folder, 3, grace=2.0, random_=chance)
        )
        sessions = [
            await stack.enter_async_context(open_session(cluster.urls, nick=f"racer{number}"))
            for number in range(people)
        ]
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for session in sessions:
                nursery.start_soon(_drain, session)
            if kills:
                nursery.start_soon(_keep_killing, cluster, chance, result)
            for number in range(rounds):
                winners = await _round(sessions, result)
                result.winners[winners] = result.winners.get(winners, 0) + 1
                show(f"round {number + 1}: {result.winners}, {result.kills} kills")
            nursery.cancel_scope.cancel()
        result.seconds = trio.current_time() - began
    return result


async def _drain(session: ClientSession) -> None:
    async for _ in session.events:
        pass


async def _keep_killing(
    cluster: ClusterUnderTest, chance: random.Random, result: RaceResult
) -> None:
    while True:
        await trio.sleep(chance.uniform(*KILL_SECONDS))
        with trio.CancelScope(shield=True):
            async with kill.inject(cluster, chance):
                result.kills += 1


async def _round(sessions: list[ClientSession], result: RaceResult) -> int:
    """Have everybody ask for the name at once, then give it up; return how many got it."""
    won: list[ClientSession] = []

    async def want(session: ClientSession) -> None:
        try:
            await session.rename(PRIZE)
            won.append(session)
        except NotConnected:
            result.unknown += 1
        except CommandError as error:
            result.unknown += error.code != "nick_taken"

    own = [session.nick for session in sessions]
    async with trio.open_nursery() as nursery:
        for session in sessions:
            nursery.start_soon(want, session)
    # Everybody, because one whose answer was lost may have the name without knowing.
    async with trio.open_nursery() as nursery:
        for session, nick in zip(sessions, own, strict=True):
            nursery.start_soon(_give_up, session, nick)
    return len(won)


async def _give_up(session: ClientSession, nick: str) -> None:
    with trio.fail_after(ROUND_SECONDS):
        while True:
            try:
                await session.rename(nick)
            except (NotConnected, CommandError):
                await trio.sleep(RETRY_SECONDS)
            else:
                return
