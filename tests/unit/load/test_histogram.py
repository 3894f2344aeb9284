"""Percentiles of many values, from counts that several processes kept."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.load.generator.histogram import Histogram

VALUES = st.lists(st.integers(0, 1 << 40) | st.integers(2040, 2060), min_size=1, max_size=200)


def recorded(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


@given(VALUES, st.floats(0, 100))
def test_a_percentile_is_at_most_a_thousandth_too_high(values: list[int], percent: float) -> None:
    rank = max(1, int(percent / 100 * len(values) + 0.5))
    true = sorted(values)[rank - 1]
    assert true <= recorded(values).percentile(percent) <= true * 1025 / 1024


@given(st.lists(VALUES, max_size=5), st.floats(0, 100))
def test_those_of_several_processes_are_one(parts: list[list[int]], percent: float) -> None:
    sent = json.loads(json.dumps([recorded(part).as_json() for part in parts]))
    together = recorded([value for part in parts for value in part])
    assert Histogram.merged(sent).percentile(percent) == together.percentile(percent)
    assert sorted(Histogram.merged(sent).as_json()) == sorted(together.as_json())


def test_a_summary_is_in_milliseconds() -> None:
    found = recorded([1_000] * 98 + [50_000, 90_000]).summary()
    assert list(found) == ["p50", "p95", "p99", "p99.9", "max"]
    assert found["p50"] == 1.0
    assert found["p99"] == pytest.approx(50.0, rel=0.001)
    assert found["max"] == pytest.approx(90.0, rel=0.001)


def test_of_nothing_there_is_no_summary() -> None:
    assert Histogram().summary() == {}
    assert Histogram.merged([]).percentile(99) == 0
