"""Decides which server is the primary, by what each sentinel said last. Pure.

Every failover has a configuration epoch that is higher than all before. Therefore:

- A higher epoch is believed at once, whichever sentinel names it: the leader of a failover knows
  first.
- A lower epoch is ignored: that sentinel does not know of the failover yet, or was restarted with
  an old configuration.
- If no sentinel names the known epoch any more, and a majority has not changed its answer for
  `RESET_SECONDS`, the sentinels were set up anew, and are believed.
- Within one epoch the majority decides; without a majority the primary stays the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

RESET_SECONDS: Final = 10.0
"""Longer than sentinels take to learn of each other's failovers."""
CERTAIN_SECONDS: Final = 2.0
"""Seconds for which a sentinel's answer may be relied on, from when it was asked."""


@dataclass(frozen=True)
class NamedPrimary:
    """The primary that a sentinel names: host, port, and configuration epoch."""

    host: str
    port: int
    epoch: int

    @property
    def place(self) -> str:
        """The address, for the log."""
        return f"{self.host}:{self.port}"


class PrimaryView:
    """What the sentinels say, each named by its place. Times are seconds of one clock."""

    def __init__(self, sentinels: Collection[str]) -> None:
        self.primary: NamedPrimary | None = None
        """The primary; None until enough sentinels have answered."""
        self._pending = set(sentinels)
        self._majority = len(self._pending) // 2 + 1
        self._said: dict[str, tuple[NamedPrimary, float]] = {}
        """The primary named by each sentinel that answers, and since when."""
        self._problems: dict[str, str] = {}
        """Why a sentinel does not answer, for each that does not."""
        self._asking: dict[str, float] = {}
        """When each sentinel was asked last."""
        self._asked_at: dict[str, float] = {}
        """When each reachable sentinel was asked the question that it answered last."""

    @property
    def settled(self) -> bool:
        """Whether there is a decision: a majority has answered, or each has answered or failed."""
        return len(self._said) >= self._majority or not self._pending

    @property
    def problems(self) -> str | None:
        """Why no sentinel answers; None if one does."""
        if self._said:
            return None
        return "; ".join(f"{sentinel}: {why}" for sentinel, why in self._problems.items())

    @property
    def common_problem(self) -> str:
        """Why no sentinel answers, if the reason is the same for all; else empty."""
        problems = set(self._problems.values())
        return problems.pop() if not self._said and len(problems) == 1 else ""

    @property
    def certain_until(self) -> float:
        """Until when `primary` may be relied on; for ever if no sentinel can be reached.

        After that, a sentinel may name another one without this node's knowing.
        """
        return min(self._asked_at.values(), default=math.inf) + CERTAIN_SECONDS

    def asks(self, sentinel: str, now: float) -> None:
        """Record that a sentinel is asked; `answered` or `failed` follows."""
        self._asking[sentinel] = now

    def answered(self, sentinel: str, named: NamedPrimary, now: float) -> None:
        """Record what a sentinel has answered."""
        before, since = self._said.get(sentinel, (None, now))
        self._said[sentinel] = named, since if named == before else now
        self._problems.pop(sentinel, None)
        self._asked_at[sentinel] = self._asking[sentinel]
        self._pending.discard(sentinel)
        self.primary = self._decide(now)

    def failed(self, sentinel: str, problem: str, now: float) -> bool:
        """Record that a sentinel did not answer; return whether it is the first time in a row.

        It counts as unreachable from the second time on: before, this process may have been
        suspended.
        """
        new = sentinel not in self._problems
        self._problems[sentinel] = problem
        self._said.pop(sentinel, None)
        if new:
            self._asked_at[sentinel] = self._asking[sentinel]
        else:
            self._asked_at.pop(sentinel, None)
        self._pending.discard(sentinel)
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
