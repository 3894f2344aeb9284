"""Which faults a run injects, and when."""

from __future__ import annotations

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from tests.faults.nemesis.mixes import MIXES, endless, faults_of
from tests.faults.nemesis.strikes import next_interval


def test_all_may_stand_among_other_mixes() -> None:
    every = {fault for faults in MIXES.values() for fault in faults}
    for mix in ("all", "kill,all", "all,none"):
        assert set(faults_of(mix)) == every
    assert faults_of("redis-pause,pause,none,redis-pause") == [
        *MIXES["redis-pause"], MIXES["pause"][0],
    ]  # fmt: skip


def test_every_fault_comes_once_in_each_round() -> None:
    faults = faults_of("all")
    drawn = list(itertools.islice(endless(faults, random.Random(1)), 2 * len(faults)))
    first, second = drawn[: len(faults)], drawn[len(faults) :]
    assert set(first) == set(second) == set(faults)
    assert first != second


@given(st.floats(0.1, 10), st.floats(0, 10), st.integers())
def test_peace_and_fault_share_an_interval_within_its_bounds(
    least: float, more: float, seed: int
) -> None:
    peace, hold = next_interval((least, least + more), random.Random(seed))
    assert least * 0.999 <= peace + hold <= (least + more) * 1.001
    assert 0.19 <= hold / (peace + hold) <= 0.81
