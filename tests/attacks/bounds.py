"""What an attack may cost those who have nothing to do with it, and what it did cost. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tests.attacks.attack import Attack

NOISE: Final = 2.0
"""A latency is held against an attack only if it is so many times what others met, just before it
and on nodes that nobody attacked: else the machine may have been too busy to tell."""


class Latency(NamedTuple):
    """Seconds from a bystander's message to its echo."""

    p50: float
    p99: float
    most: float


class Level(NamedTuple):
    """How much of something there was before an attack, at most, and at the end, in MiB."""

    before: float
    most: float
    after: float


@dataclass(frozen=True)
class Bounds:
    """What any attack may cost.

    - ``p99``, ``most``: of a bystander's latency, in seconds
    - ``newcomer``: seconds until somebody from another address is in
    - ``memory``: the share by which a node may still have grown ``settle`` seconds later
    """

    p99: float = 0.050
    most: float = 0.250
    newcomer: float = 1.0
    memory: float = 0.2
    settle: float = 60.0


@dataclass(frozen=True)
class Cost:
    """What one attack did cost.

    - ``before``, ``during``: latency just before the attack and during it
    - ``elsewhere``: the same meanwhile on nodes that nobody attacks
    - ``newcomer``, ``newcomer_elsewhere``: the longest seconds until a newcomer was in
    - ``closed``: how many bystanders were closed with which code
    - ``wrong``: what else happened to innocents that must not
    - ``node``, ``redis``: memory; after an attack as soon as it is within the bound
    - ``settled``: the seconds which that took
    - ``node_cpu``, ``redis_cpu``: shares of a core
    - ``outcomes``: what attackers got, and how often
    - ``complaints``: what a node logged as an error, or logged that is not true
    """

    attack: str
    sources: int
    before: Latency
    during: Latency
    elsewhere: Latency
    newcomer: float
    newcomer_elsewhere: float
    node: Level
    redis: Level
    settled: float
    node_cpu: float
    redis_cpu: float
    closed: Mapping[int, int] = field(default_factory=dict)
    wrong: Mapping[str, int] = field(default_factory=dict)
    outcomes: Mapping[str, int] = field(default_factory=dict)
    complaints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Which bounds an attack has broken; ``noisy``: which ones the machine may have broken."""

    broken: tuple[str, ...]
    noisy: tuple[str, ...]


def judge(cost: Cost, bounds: Bounds, attack: Attack) -> Verdict:
    """Return which bounds an attack has broken: those of all attacks, and its own."""
    broken = [f"{count} bystanders closed with {code}" for code, count in cost.closed.items()]
    broken += [f"{count} {what}" for what, count in cost.wrong.items()]
    noisy: list[str] = []
    if not cost.during.most:
        broken.append("nobody chatted")
    for what, value, otherwise, bound in (
        ("p99", cost.during.p99, max(cost.before.p99, cost.elsewhere.p99), bounds.p99),
        ("longest echo", cost.during.most, max(cost.before.most, cost.elsewhere.most), bounds.most),
        ("newcomer", cost.newcomer, cost.newcomer_elsewhere, bounds.newcomer),
    ):
        if value > bound:
            said = f"{what} {value * 1000:,.0f} ms, at most {bound * 1000:,.0f}"
            (broken if value > NOISE * otherwise else noisy).append(said)
    most = cost.node.before * (1 + bounds.memory)
    if cost.node.after > most:
        broken.append(f"node has {cost.node.after:.0f} MiB afterwards, at most {most:.0f}")
    stored = attack.redis_mib(cost.sources)
    if (grown := cost.redis.most - cost.redis.before) > stored:
        broken.append(f"Redis grew by {grown:.1f} MiB, at most {stored:.1f}")
    for what, most_often in attack.most.items():
        if (often := cost.outcomes.get(what, 0)) > most_often:
            broken.append(f"attackers got {what} {often:,} times, at most {most_often:,}")
    return Verdict((*broken, *cost.complaints), tuple(noisy))
