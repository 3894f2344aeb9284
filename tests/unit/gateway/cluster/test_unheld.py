"""What nobody holds, on record over rounds through all keys."""

from __future__ import annotations

from gateway.cluster.unheld import Unheld


def test_a_name_is_over_once_nobody_has_held_it_for_so_long() -> None:
    unheld = Unheld(most=10)
    assert unheld.over(["a"], 0.0, after=5.0) == []
    unheld.end_round()
    assert unheld.over(["a", "b"], 5.0, after=5.0) == ["a"]
    unheld.end_round()
    assert unheld.over(["b"], 9.9, after=5.0) == []
    assert unheld.over(["b"], 10.0, after=5.0) == ["b"]


def test_a_name_that_was_held_for_a_round_begins_anew() -> None:
    unheld = Unheld(most=10)
    unheld.over(["a"], 0.0, after=5.0)
    unheld.end_round()
    unheld.end_round()
    assert unheld.over(["a"], 6.0, after=5.0) == []


def test_names_beyond_the_most_wait_for_another_round() -> None:
    unheld = Unheld(most=2)
    assert unheld.over(["a", "b", "c"], 0.0, after=5.0) == []
    unheld.end_round()
    assert unheld.over(["a", "b", "c"], 5.0, after=5.0) == ["a", "b"]
    assert unheld.over(["c"], 10.0, after=5.0) == ["c"]
