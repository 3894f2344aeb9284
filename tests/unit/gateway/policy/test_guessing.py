"""How long somebody waits after wrong passwords."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.guessing import (
    ACCOUNT,
    ADDRESS,
    NEWCOMER_SECONDS,
    NO_FAILURES,
    FailureCount,
    Pace,
    wait,
    wait_after,
    wait_left,
)

paces = st.sampled_from([ACCOUNT, ADDRESS])


def just_now(pace: Pace, count: int) -> FailureCount:
    return FailureCount(count, pace.kept)


def test_the_first_failures_cost_nothing_and_then_waits_double_up_to_their_bound() -> None:
    assert [wait_after(ACCOUNT, n) for n in range(12)] == [
        0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60,
    ]  # fmt: skip
    assert [wait_after(ADDRESS, n) for n in (0, 10, 11, 12, 18, 19, 20)] == [
        0, 0, 1, 2, 128, 256, 300,
    ]  # fmt: skip


@given(paces, st.integers(0, 10**30))
def test_waits_grow_and_are_bounded(pace: Pace, count: int) -> None:
    assert 0 <= wait_after(pace, count) <= wait_after(pace, count + 1) <= pace.longest < pace.kept


@given(paces, st.integers(0, 10**6), st.floats(0, 4000), st.floats(0, 4000))
def test_a_wait_passes(pace: Pace, count: int, earlier: float, passed: float) -> None:
    before = wait_left(pace, FailureCount(count, pace.kept - min(earlier, pace.kept)))
    after = wait_left(pace, FailureCount(count, max(0.0, pace.kept - earlier - passed)))
    assert after <= max(0.0, before - passed) + 1e-6 or earlier + passed > pace.kept


def test_who_has_not_failed_waits_for_nothing() -> None:
    assert wait(NO_FAILURES, NO_FAILURES) == 0


def test_the_longer_wait_holds() -> None:
    assert wait(just_now(ACCOUNT, 6), just_now(ADDRESS, 1)) == 4
    assert wait(just_now(ACCOUNT, 4), just_now(ADDRESS, 14)) == 8
    assert wait(just_now(ACCOUNT, 4), FailureCount(14, ADDRESS.kept - 5)) == 3


def test_an_address_slows_its_guesses_at_all_accounts() -> None:
    assert wait(NO_FAILURES, just_now(ADDRESS, 99)) == ADDRESS.longest


def test_an_account_is_slowed_for_every_address() -> None:
    assert wait(just_now(ACCOUNT, 99), just_now(ADDRESS, 1)) == ACCOUNT.longest
    assert wait(just_now(ACCOUNT, 4), NO_FAILURES) == 1


def test_guesses_of_others_do_not_lock_out_an_owner_elsewhere() -> None:
    assert wait(just_now(ACCOUNT, 10**6), NO_FAILURES) == NEWCOMER_SECONDS
    assert wait(FailureCount(10**6, ACCOUNT.kept - NEWCOMER_SECONDS), NO_FAILURES) == 0


@given(paces, st.integers(1, 10**6), st.floats(0.001, 10**9))
def test_a_clock_that_was_set_back_does_not_make_a_wait_longer(
    pace: Pace, count: int, back: float
) -> None:
    assert wait_left(pace, FailureCount(count, pace.kept + back)) == 0
