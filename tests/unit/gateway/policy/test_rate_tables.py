"""Rate limits by key: each gets its own, none gets another's, and memory is bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.rate_limits import BucketTable, SharedBucket, TokenBucket

KEYS = st.sampled_from("abcde")
STEPS = st.lists(st.tuples(KEYS, st.floats(0, 3)))


@given(STEPS, st.integers(1, 5), st.floats(0.1, 10))
def test_each_key_has_a_bucket_of_its_own(
    steps: list[tuple[str, float]], burst: int, rate: float
) -> None:
    table = BucketTable(burst=burst, rate=rate)
    buckets = {key: TokenBucket(burst=burst, rate=rate, now=0.0) for key in "abcde"}
    now = 0.0
    for key, later in steps:
        now += later
        found, expected = table.take(key, now), buckets[key].take(now)
        assert found == pytest.approx(expected, abs=1e-6)
        if (found > 0) != (expected > 0):  # they differ by a rounding: go on from the same state
            return


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1)), max_size=200))
def test_no_table_grows_beyond_its_bound(steps: list[tuple[int, float]]) -> None:
    table, shared = BucketTable(burst=2, rate=1.0, most=10), SharedBucket(rate=5.0, now=0, most=10)
    now = 0.0
    for key, later in steps:
        now += later
        table.take(str(key), now)
        shared.take(str(key), now)
        assert len(table) <= 10
        assert len(shared) <= 10


def test_very_many_keys_take_nothing_from_an_innocent_one() -> None:
    table = BucketTable(burst=2, rate=1.0, most=100)
    for number in range(10_000):
        table.take(f"attacker {number}", 0.0)
        if number % 1000 == 0:
            assert table.take("innocent", number / 1000) == 0.0


def test_buckets_that_are_full_again_are_forgotten() -> None:
    table, shared = BucketTable(burst=1, rate=1.0), SharedBucket(rate=1000.0, now=0.0)
    for number in range(100):
        table.take(str(number), 0.0)
        shared.take(str(number), 0.0)
    for number in range(100):
        table.take("last", 10.0 + number)
        shared.take("last", 10.0 + number)
    assert (len(table), len(shared)) == (1, 1)


def test_a_table_without_a_rate_lets_all_through_and_takes_on_another() -> None:
    table = BucketTable(burst=0, rate=0)
    assert [table.take("a", 0.0) for _ in range(100)] == [0.0] * 100
    table.configure(burst=1, rate=0.5)
    assert [table.take("a", 0.0) for _ in range(2)] == [0.0, 2.0]


def test_what_costs_more_than_the_burst_is_owed() -> None:
    bucket = TokenBucket(burst=20, rate=10.0, now=0.0)
    assert bucket.take(0.0, 50.0) == 0.0
    assert bucket.take(0.0) == pytest.approx(3.1)
    assert bucket.take(4.0, 50.0) == pytest.approx(1.0)
    assert bucket.take(5.0, 50.0) == 0.0


def test_what_is_spent_beyond_the_bucket_is_waited_for() -> None:
    bucket = TokenBucket(burst=10, rate=5.0, now=0.0)
    assert [bucket.spend(0.0, cost) for cost in (10, 5, 5)] == [0.0, 1.0, 2.0]
    assert bucket.spend(2.0, 1) == pytest.approx(0.2)
    assert TokenBucket(burst=1, rate=0, now=0.0).spend(0.0, 1000) == 0.0


# --- shares ---------------------------------------------------------------------------------------


def admitted(shared: SharedBucket, keys: list[str], *, seconds: int, tries: int) -> dict[str, int]:
    """Have everybody try so many times in a hundredth of a second; return how often each got in."""
    counts = dict.fromkeys(keys, 0)
    for tick in range(seconds * 100):
        for _ in range(tries):
            for key in keys:
                counts[key] += shared.take(key, tick / 100) == 0.0
    return counts


def test_somebody_alone_gets_the_whole_rate() -> None:
    [count] = admitted(SharedBucket(rate=100.0, now=0.0), ["a"], seconds=20, tries=10).values()
    assert 1900 <= count <= 2100


@pytest.mark.parametrize("attackers", [1, 3, 10])
def test_who_comes_next_finds_a_share(attackers: int) -> None:
    shared = SharedBucket(rate=100.0, now=0.0)
    names = [f"attacker {number}" for number in range(attackers)]
    counts = admitted(shared, names, seconds=20, tries=10)
    assert max(counts.values()) <= 1.3 * min(counts.values())
    share = int(100 / (attackers + 1))
    got_in = [shared.take("newcomer", 20.0) == 0.0 for _ in range(share)]
    assert sum(got_in) >= share / 2


def test_who_is_exempt_has_no_share_but_counts() -> None:
    shared = SharedBucket(rate=10.0, now=0.0)
    assert [shared.take(None, 0.0) for _ in range(10)] == [0.0] * 10
    assert shared.take(None, 0.0) == shared.take("a", 0.0) == pytest.approx(0.1)


@given(st.lists(st.tuples(KEYS, st.floats(0, 2)), max_size=100), st.floats(0.2, 20))
def test_after_the_wait_that_it_named_there_is_a_token(
    steps: list[tuple[str, float]], rate: float
) -> None:
    shared, now = SharedBucket(rate=rate, now=0.0), 0.0
    for key, later in steps:
        now += later
        if wait := shared.take(key, now):
            now += wait + 1e-6
            while wait := shared.take(key, now):
                assert wait <= 1.0 / rate + 1e-6, "the share is free, but no token is yet"
                now += wait + 1e-6
