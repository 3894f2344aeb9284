"""What breaks a bound, and what a busy machine may have done."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.attacks.attack import Attack
from tests.attacks.bounds import Bounds, Cost, Latency, Level, judge
from tests.attacks.crowd import Crowd
from tests.attacks.report import HEADING, row

QUIET = Latency(0.002, 0.010, 0.020)
LATE = Latency(0.010, 0.120, 0.400)
CHEAP = Cost(
    attack="strike", sources=1, before=QUIET, during=QUIET, elsewhere=QUIET, newcomer=0.1,
    newcomer_elsewhere=0.05, node=Level(50.0, 400.0, 59.0), redis=Level(2.0, 5.0, 5.0), settled=3.0,
    node_cpu=0.5, redis_cpu=0.1, outcomes={"connected": 1_200, "too_fast": 7},
)  # fmt: skip


async def strike(_: Crowd) -> None:
    """Do nothing."""


ATTACK = Attack(strike=strike, crowd=1, stored=lambda _: 4.0, most={"welcome": 2})


def test_an_attack_that_costs_little_breaks_nothing() -> None:
    verdict = judge(CHEAP, Bounds(), ATTACK)
    assert (verdict.broken, verdict.noisy) == ((), ())
    assert "held" in row(CHEAP, verdict)


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({"during": Latency(0.002, 0.051, 0.060)}, "p99 51 ms, at most 50"),
        ({"during": Latency(0.002, 0.050, 0.251)}, "longest echo 251 ms, at most 250"),
        ({"during": Latency(0.0, 0.0, 0.0)}, "nobody chatted"),
        ({"newcomer": 1.001}, "newcomer 1,001 ms, at most 1,000"),
        ({"node": Level(50.0, 70.0, 61.0)}, "node has 61 MiB afterwards, at most 60"),
        ({"redis": Level(2.0, 6.5, 2.0)}, "Redis grew by 4.5 MiB, at most 4.0"),
        ({"closed": {4001: 2}}, "2 bystanders closed with 4001"),
        ({"wrong": {"messages not echoed": 3}}, "3 messages not echoed"),
        ({"outcomes": {"welcome": 3}}, "attackers got welcome 3 times, at most 2"),
        ({"complaints": ("a node ended",)}, "a node ended"),
    ],
)
def test_each_bound_is_held(change: dict[str, object], broken: str) -> None:
    cost = replace(CHEAP, **change)  # type: ignore[arg-type]
    verdict = judge(cost, Bounds(), ATTACK)
    assert verdict.broken == (broken,)
    assert f"BROKEN: {broken}" in row(cost, verdict)


@pytest.mark.parametrize("calm", ["before", "elsewhere"])
def test_a_delay_is_held_against_an_attack_only_if_others_had_none(calm: str) -> None:
    busy = replace(CHEAP, during=LATE, before=LATE, elsewhere=LATE)
    verdict = judge(busy, Bounds(), ATTACK)
    assert not verdict.broken
    assert verdict.noisy == ("p99 120 ms, at most 50", "longest echo 400 ms, at most 250")
    assert judge(replace(busy, **{calm: QUIET}), Bounds(), ATTACK) == verdict  # type: ignore[arg-type]
    alone = replace(busy, before=QUIET, elsewhere=QUIET)
    assert judge(alone, Bounds(), ATTACK).broken == verdict.noisy


def test_the_columns_stand_below_their_names() -> None:
    figures = row(CHEAP, judge(CHEAP, Bounds(), ATTACK)).splitlines()[0]
    names = HEADING.splitlines()[1]
    assert figures.index("held") == len(names) + 1
    assert figures[: names.index("p50") + 3].endswith("2")
    assert figures[: names.index("redis") + 5].endswith("10")
