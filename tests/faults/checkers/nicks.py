"""A nickname has one owner at a time. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tests.faults.checkers.evidence import Evidence
from tests.faults.checkers.result import Anomaly
from tests.faults.history import InjectedFault, NickOwnership


def check(evidence: Evidence) -> Iterator[Anomaly]:
    """Yield every pair of clients that had the same nickname at the same time."""
    by_nick: dict[str, list[NickOwnership]] = {}
    for each in evidence.history.ownerships:
        ownership = _while_certain(each, evidence.history.faults)
        by_nick.setdefault(ownership.nick.casefold(), []).append(ownership)
    for nick, ownerships in by_nick.items():
        for one, other in itertools.combinations(ownerships, 2):
            seconds = _overlap(one, other)
            if one.client != other.client and seconds > 0:
                what = f"{one.client} and {other.client} both had {nick} for {seconds:.3f} s"
                yield Anomaly("owned twice", what, (nick,))


def _while_certain(ownership: NickOwnership, faults: Sequence[InjectedFault]) -> NickOwnership:
    """Return an ownership up to the first fault that undid the reservation."""
    if not ownership.reserved:
        return ownership
    ends = [
        fault.began
        for fault in faults
        if fault.undone_since is not None and fault.undone_since <= ownership.since <= fault.end
    ]
    ends += [ownership.until] if ownership.until is not None else []
    return replace(ownership, until=min(ends, default=None))


def _overlap(one: NickOwnership, other: NickOwnership) -> float:
    ends = [each.until for each in (one, other) if each.until is not None]
    return min(ends, default=math.inf) - max(one.since, other.since)
