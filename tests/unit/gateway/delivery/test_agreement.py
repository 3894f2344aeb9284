"""Up to where what a node remembers of a log is what the log has."""

from __future__ import annotations

from gateway.delivery.agreement import agreed_up_to


def test_a_difference_that_the_timelines_vouch_for_makes_them_worthless() -> None:
    """Somebody edited the log."""
    remembered = [(8, "h"), (9, "i"), (10, "j")]
    agreed = agreed_up_to(remembered, {8: "x", 9: "y"}, common=9, position=10, seq=9)
    assert agreed == 0


def test_nothing_is_agreed_without_an_overlap() -> None:
    remembered = [(number, str(number)) for number in range(151, 201)]
    logged = {number: f"other {number}" for number in range(151, 201)}
    assert agreed_up_to(remembered, logged, common=None, position=200, seq=400) == 0
    assert agreed_up_to(remembered, {}, common=None, position=200, seq=100) == 0
