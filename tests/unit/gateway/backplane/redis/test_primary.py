"""Which of the primaries that the sentinels name is gone to."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backplane.redis.primary import (
    CERTAIN_SECONDS,
    RESET_SECONDS,
    NamedPrimary,
    PrimaryView,
)

OLD = NamedPrimary("a", 1, 3)
NEW = NamedPrimary("b", 2, 4)
RESET = NamedPrimary("c", 3, 0)
ALL = "xyz"


def hears(
    view: PrimaryView, said: dict[str, NamedPrimary], now: float = 0.0
) -> NamedPrimary | None:
    for sentinel, named in said.items():
        view.asks(sentinel, now)
        view.answered(sentinel, named, now)
    return view.primary


def misses(view: PrimaryView, *sentinels: str, now: float = 0.0) -> None:
    for sentinel in sentinels:
        view.asks(sentinel, now)
        view.failed(sentinel, "gone", now)


def view_of(said: dict[str, NamedPrimary]) -> PrimaryView:
    view = PrimaryView(ALL)
    hears(view, said)
    return view


def agreed(named: NamedPrimary) -> dict[str, NamedPrimary]:
    return dict.fromkeys(ALL, named)


# --- at the start ---------------------------------------------------------------------------------


def test_a_majority_is_waited_for() -> None:
    view = view_of({"x": OLD})
    assert not view.settled
    assert view.primary is None
    assert hears(view, {"y": NEW}) == NEW
    assert view.settled


def test_one_is_enough_where_the_others_are_away() -> None:
    view = view_of({"x": OLD})
    misses(view, "y", "z")
    assert view.settled
    assert view.primary == OLD


def test_why_none_answers_is_told() -> None:
    view = PrimaryView(ALL)
    misses(view, *ALL)
    assert view.settled
    assert view.problems == "x: gone; y: gone; z: gone"
    assert hears(view, {"y": OLD}) == OLD
    assert not view.problems


def test_a_sentinel_that_is_listed_twice_is_one() -> None:
    view = PrimaryView("xx")
    assert hears(view, {"x": OLD}) == OLD


# --- epochs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ALL)
def test_a_higher_epoch_is_believed_at_once_whoever_names_it(who: str) -> None:
    view = view_of(agreed(OLD))
    assert hears(view, {who: NEW}) == NEW
    assert hears(view, agreed(OLD) | {who: NEW}) == NEW, "the others are late"


def test_a_sentinel_with_an_old_configuration_leads_nobody_back() -> None:
    view = view_of(agreed(NEW))
    misses(view, "x")
    for now in range(100):
        assert hears(view, {"x": OLD, "y": NEW, "z": NEW}, now) == NEW


def test_nor_does_it_where_the_others_are_away() -> None:
    view = view_of(agreed(NEW))
    misses(view, *ALL)
    for now in range(100):
        assert hears(view, {"x": OLD}, now) == NEW


def test_sentinels_that_were_all_set_up_anew_are_believed_after_a_while() -> None:
    view = view_of(agreed(NEW))
    misses(view, *ALL)
    assert hears(view, agreed(RESET), 1.0) == NEW
    assert hears(view, agreed(RESET), 0.9 + RESET_SECONDS) == NEW
    assert hears(view, {"x": RESET}, 1.0 + RESET_SECONDS) == RESET


def test_nor_are_they_while_one_names_what_was_known() -> None:
    view = view_of(agreed(NEW))
    for now in range(100):
        assert hears(view, {"x": RESET, "y": RESET, "z": NEW}, now) == NEW


def test_while_they_were_away_they_did_not_agree() -> None:
    view = view_of(agreed(NEW))
    hears(view, agreed(RESET), 1.0)
    misses(view, *ALL, now=2.0)
    assert hears(view, agreed(RESET), 2.0 + RESET_SECONDS) == NEW


# --- within one epoch -----------------------------------------------------------------------------


def test_within_an_epoch_the_majority_is_right() -> None:
    other = NamedPrimary("d", 4, OLD.epoch)
    view = view_of(agreed(OLD))
    assert hears(view, {"x": other}) == OLD
    assert hears(view, {"y": other}) == other
    assert hears(view, {"z": OLD}) == other


def test_without_a_majority_it_stays_as_it_is() -> None:
    other = NamedPrimary("d", 4, OLD.epoch)
    view = view_of(agreed(OLD))
    misses(view, "z")
    assert hears(view, {"x": other, "y": OLD}) == OLD
    misses(view, "y")
    assert hears(view, {"x": other}) == OLD


NAMES = st.builds(NamedPrimary, st.sampled_from("abc"), st.just(1), st.integers(0, 5))


@given(st.lists(st.tuples(st.sampled_from(ALL), NAMES | st.none()), max_size=60))
def test_within_a_while_no_epoch_is_gone_back_to(
    heard: list[tuple[str, NamedPrimary | None]],
) -> None:
    view = PrimaryView(ALL)
    for number, (sentinel, named) in enumerate(heard):
        before, now = view.primary, number * RESET_SECONDS / 60
        view.asks(sentinel, now)
        if named is None:
            view.failed(sentinel, "gone", now)
        else:
            view.answered(sentinel, named, now)
        if before is not None:
            assert view.primary is not None
            assert view.primary.epoch >= before.epoch
            if view.primary != before:
                assert named is None or view.primary == named, "one that was just named"


# --- certainty ------------------------------------------------------------------------------------


def test_it_is_certain_until_a_sentinel_was_not_asked_for_a_while() -> None:
    view = view_of(agreed(OLD))
    assert view.certain_until == CERTAIN_SECONDS
    hears(view, {"x": OLD, "y": OLD}, 1.0)
    assert view.certain_until == CERTAIN_SECONDS
    hears(view, {"z": OLD}, 0.5)
    assert view.certain_until == 0.5 + CERTAIN_SECONDS


def test_what_counts_is_when_it_was_asked_and_not_when_it_answered() -> None:
    view = view_of(agreed(OLD))
    view.asks("x", 1.0)
    view.answered("x", OLD, 9.0)
    hears(view, {"y": OLD, "z": OLD}, 9.0)
    assert view.certain_until == 1.0 + CERTAIN_SECONDS


def test_those_who_cannot_be_reached_are_not_waited_for() -> None:
    view = view_of(agreed(OLD))
    hears(view, {"y": OLD, "z": OLD}, 1.0)
    misses(view, "x", now=0.5)
    assert view.certain_until == 0.5 + CERTAIN_SECONDS, "it may have been us who stood still"
    misses(view, "x", now=0.6)
    assert view.certain_until == 1.0 + CERTAIN_SECONDS
    misses(view, "y", "z", "y", "z", now=2.0)
    assert view.certain_until == math.inf
