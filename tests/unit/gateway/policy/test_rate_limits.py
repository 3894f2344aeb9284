"""How much one session may ask for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.rate_limits import TokenBucket


def test_a_burst_goes_through_at_once_and_no_more() -> None:
    bucket = TokenBucket(burst=3, rate=10.0, now=100.0)
    assert [bucket.take(100.0) for _ in range(3)] == [0.0] * 3
    assert bucket.take(100.0) == pytest.approx(0.1)


def test_after_the_wait_it_named_there_is_one_token() -> None:
    bucket = TokenBucket(burst=1, rate=4.0, now=0.0)
    assert bucket.take(0.0) == 0.0
    assert bucket.take(0.0) == 0.25
    assert bucket.take(0.125) == 0.125
    assert bucket.take(0.25) == 0.0
    assert bucket.take(0.25) == 0.25


def test_what_costs_more_takes_more() -> None:
    bucket = TokenBucket(burst=5, rate=1.0, now=0.0)
    assert bucket.take(0.0, 3.0) == 0.0
    assert bucket.take(0.0, 3.0) == 1.0
    assert bucket.take(0.0, 2.0) == 0.0
    assert bucket.take(0.0) == 1.0


def test_to_be_refused_costs_nothing() -> None:
    bucket = TokenBucket(burst=1, rate=1.0, now=0.0)
    bucket.take(0.0)
    for _ in range(100):
        assert bucket.take(0.5) == 0.5
    assert bucket.take(1.0) == 0.0


def test_silence_saves_up_one_burst_and_no_more() -> None:
    bucket = TokenBucket(burst=5, rate=1.0, now=0.0)
    assert [bucket.take(1e6) for _ in range(5)] == [0.0] * 5
    assert bucket.take(1e6) == 1.0


def test_a_rate_of_zero_lets_everything_through() -> None:
    bucket = TokenBucket(burst=1, rate=0.0, now=0.0)
    assert {bucket.take(0.0) for _ in range(1000)} == {0.0}


@given(
    burst=st.integers(1, 50),
    rate=st.floats(0.1, 1000),
    gaps=st.lists(st.floats(0, 2), max_size=200),
)
def test_never_more_than_the_burst_and_the_rate(burst: int, rate: float, gaps: list[float]) -> None:
    bucket = TokenBucket(burst=burst, rate=rate, now=0.0)
    now, taken = 0.0, 0
    for gap in gaps:
        now += gap
        wait = bucket.take(now)
        assert 0.0 <= wait <= 1.0 / rate + 1e-9
        taken += not wait
        assert taken <= burst + now * rate + 1e-6
