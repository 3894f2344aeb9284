"""What is refused while Redis runs out of memory, and for how long logs are kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.retention import Retention
from gateway.policy.storage import FROM, MARGIN, REFUSED, Shortage, shortage

PARTS = st.floats(0, 1.5)
DEGREES = st.sampled_from(Shortage)


@pytest.mark.parametrize(
    ("used", "refused"),
    [(0.0, 0), (0.799, 0), (0.8, 1), (0.899, 1), (0.9, 2), (0.949, 2), (0.95, 3), (1.2, 3)],
)
def test_the_less_is_left_the_more_is_refused(used: float, refused: int) -> None:
    assert shortage(used, Shortage.NONE) is Shortage(refused)


def test_a_degree_ends_only_when_clearly_less_is_used() -> None:
    assert shortage(0.79, Shortage.NO_NEW_ROOMS) is Shortage.NO_NEW_ROOMS
    assert shortage(0.77, Shortage.NO_NEW_ROOMS) is Shortage.NONE
    assert shortage(0.89, Shortage.REGISTERED_ONLY) is Shortage.NO_NEWCOMERS


@given(less=PARTS, more=PARTS, before=DEGREES)
def test_more_use_never_refuses_less(less: float, more: float, before: Shortage) -> None:
    less, more = sorted((less, more))
    assert shortage(less, before) <= shortage(more, before)


@given(used=PARTS, before=DEGREES)
def test_the_answer_is_stable_while_nothing_changes(used: float, before: Shortage) -> None:
    once = shortage(used, before)
    assert shortage(used, once) is once
    assert once is Shortage.NONE or used >= FROM[once] - MARGIN


def test_every_degree_is_explained() -> None:
    assert REFUSED.keys() == FROM.keys() == set(Shortage) - {Shortage.NONE}


def retention(*, days: float = 7, hours: float = 24) -> Retention:
    return Retention.of(
        messages=10, log_bytes=65_536, account_messages=100, account_log_bytes=65_536,
        registered=["Lobby", "Straße"], days=days, hours=hours,
    )  # fmt: skip


def test_registered_rooms_are_kept_for_days_and_others_for_hours() -> None:
    kept = retention()
    assert kept.seconds("lobby") == kept.seconds("strasse") == 7 * 86_400
    assert kept.seconds("elsewhere") == 86_400


def test_no_other_room_is_kept_for_longer_than_registered_ones() -> None:
    assert retention(days=0.01).seconds("elsewhere") == retention(days=0.01).seconds("lobby")


def test_other_rooms_can_be_registered_later() -> None:
    kept = retention().with_registered(["Team"])
    assert (kept.seconds("team"), kept.seconds("lobby")) == (7 * 86_400, 86_400)
