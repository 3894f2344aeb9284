"""Which server is the primary, by what each of several sentinels said last. Pure.

Every failover has a configuration epoch of its own, higher than those before it. So the highest
epoch is believed at once, whoever names it: the sentinel that leads a failover knows first. What
is of a lower epoch comes from a sentinel that has not heard of it yet, or has been restarted with
an old configuration, and leads nobody back. Only if no sentinel names the known epoch any more, and
a majority of all has said the same for `RESET_SECONDS`, they have been set up anew, and are
believed. Within one epoch the majority is right; without one it stays as it is.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

RESET_SECONDS: Final = 10.0
"""Longer than sentinels take to hear of each other's failovers."""
CERTAIN_SECONDS: Final = 2.0
"""How old the question may be that a sentinel has answered last."""


@dataclass(frozen=True)
class NamedPrimary:
    """The primary that a sentinel names: host and port, and the epoch that it is from."""

    host: str
    port: int
    epoch: int

    @property
    def place(self) -> str:
        """The address as it is written in logs."""
        return f"{self.host}:{self.port}"


class PrimaryView:
    """What the sentinels say, each called by its place; times are seconds of one clock."""

    def __init__(self, sentinels: Collection[str]) -> None:
        self.primary: NamedPrimary | None = None
        """The one to go to, from the first time that enough sentinels have been heard."""
        self._unheard = set(sentinels)
        self._majority = len(self._unheard) // 2 + 1
        self._said: dict[str, tuple[NamedPrimary, float]] = {}
        """What those that answer say, and since when."""
        self._problems: dict[str, str] = {}
        """Why those that do not answer do not."""
        self._asking: dict[str, float] = {}
        """When each was asked last."""
        self._asked_at: dict[str, float] = {}
        """The same of those that can be reached, once it is known what came of it."""

    @property
    def settled(self) -> bool:
        """Whether those that have not been heard yet could not outvote the others."""
        return len(self._said) >= self._majority or not self._unheard

    @property
    def problems(self) -> str | None:
        """Why no sentinel answers; None if one does."""
        if self._said:
            return None
        return "; ".join(f"{sentinel}: {why}" for sentinel, why in self._problems.items())

    @property
    def common_problem(self) -> str:
        """Why none of them tells, if it is the same with all; else empty."""
        problems = set(self._problems.values())
        return problems.pop() if not self._said and len(problems) == 1 else ""

    @property
    def certain_until(self) -> float:
        """Until when no sentinel that can be reached may have named another primary unheard.

        For ever, if none can be reached.
        """
        return min(self._asked_at.values(), default=math.inf) + CERTAIN_SECONDS

    def asks(self, sentinel: str, now: float) -> None:
        """Note that a sentinel is asked; `answered` or `failed` follows."""
        self._asking[sentinel] = now

    def answered(self, sentinel: str, named: NamedPrimary, now: float) -> None:
        """Note what a sentinel answered."""
        before, since = self._said.get(sentinel, (None, now))
        self._said[sentinel] = named, since if named == before else now
        self._problems.pop(sentinel, None)
        self._asked_at[sentinel] = self._asking[sentinel]
        self._unheard.discard(sentinel)
        self.primary = self._decide(now)

    def failed(self, sentinel: str, problem: str, now: float) -> bool:
        """Note that a sentinel did not answer; tells whether it did until then.

        Only the second time in a row it is taken to be out of reach: the first time it may have
        been this process that stood still.
        """
        new = sentinel not in self._problems
        self._problems[sentinel] = problem
        self._said.pop(sentinel, None)
        if new:
            self._asked_at[sentinel] = self._asking[sentinel]
        else:
            self._asked_at.pop(sentinel, None)
        self._unheard.discard(sentinel)
        self.primary = self._decide(now)
        return new

    def _decide(self, now: float) -> NamedPrimary | None:
        votes = Counter(named for named, _ in self._said.values())
        if not votes:
            return self.primary
        newest = max(votes, key=lambda named: (named.epoch, votes[named]))
        known = self.primary
        if known is None:
            return newest if self.settled else None
        if newest.epoch > known.epoch:
            return newest
        if not self.settled:
            return known
        if newest.epoch == known.epoch:
            return newest if votes[newest] >= self._majority else known
        steady = [since for _, since in self._said.values() if now - since >= RESET_SECONDS]
        return newest if len(steady) >= self._majority else known
