"""A hundred people want one nickname, a thousand times over: each time at most one may get it."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trio

from client.session import ClientSession as Session
from client.session import CommandError, open_session
from client.session import NotConnected as ConnectionLost
from tests.faults.cluster import Struck, open_struck
from tests.faults.faults import kill

PRIZE: Final = "prize"
RETRY_SECONDS: Final = 0.2
ROUND_SECONDS: Final = 30.0
KILL_SECONDS: Final = (3.0, 6.0)


@dataclass
class Outcome:
    """Rounds by how many winners they had; ``unknown`` are answers that were lost."""

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


async def race(
    folder: Path, *, people: int, rounds: int, kills: bool, show: Callable[[str], None]
) -> Outcome:
    """Run all the rounds; with ``kills``, nodes die and are replaced meanwhile."""
    outcome = Outcome()
    chance = random.Random(0)
    async with AsyncExitStack() as stack:
        struck = await stack.enter_async_context(open_struck(folder, 3, grace=2.0, random_=chance))
        sessions = [
            await stack.enter_async_context(open_session(struck.urls, nick=f"racer{number}"))
            for number in range(people)
        ]
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for session in sessions:
                nursery.start_soon(_drain, session)
            if kills:
                nursery.start_soon(_keep_killing, struck, chance, outcome)
            for number in range(rounds):
                winners = await _round(sessions, outcome)
                outcome.winners[winners] = outcome.winners.get(winners, 0) + 1
                show(f"round {number + 1}: {outcome.winners}, {outcome.kills} kills")
            nursery.cancel_scope.cancel()
        outcome.seconds = trio.current_time() - began
    return outcome


async def _drain(session: Session) -> None:
    async for _ in session.events:
        pass


async def _keep_killing(struck: Struck, chance: random.Random, outcome: Outcome) -> None:
    while True:
        await trio.sleep(chance.uniform(*KILL_SECONDS))
        with trio.CancelScope(shield=True):
            async with kill(struck, chance):
                outcome.kills += 1


async def _round(sessions: list[Session], outcome: Outcome) -> int:
    """Have everybody want the name at once, and the winner give it up; gives how many got it."""
    won: list[Session] = []

    async def want(session: Session) -> None:
        try:
            await session.rename(PRIZE)
            won.append(session)
        except ConnectionLost:
            outcome.unknown += 1
        except CommandError as error:
            outcome.unknown += error.code != "nick_taken"

    own = [session.nick for session in sessions]
    async with trio.open_nursery() as nursery:
        for session in sessions:
            nursery.start_soon(want, session)
    # Who has it without knowing, because the answer was lost, gives it up as well.
    async with trio.open_nursery() as nursery:
        for session, nick in zip(sessions, own, strict=True):
            nursery.start_soon(_give_up, session, nick)
    return len(won)


async def _give_up(session: Session, nick: str) -> None:
    with trio.fail_after(ROUND_SECONDS):
        while True:
            try:
                await session.rename(nick)
            except (ConnectionLost, CommandError):
                await trio.sleep(RETRY_SECONDS)
            else:
                return
