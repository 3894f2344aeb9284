"""What does not fit into the input field."""

from __future__ import annotations

import pytest

from client.model import Overflow
from client.model.overflow import MOST_KEPT


@pytest.fixture
def overflow() -> Overflow:
    """After a paste of ``abcdé`` into a field with room for three."""
    overflow = Overflow()
    overflow.add("abc", "dé", "abc")
    return overflow


def test_all_that_is_lost_is_kept_in_order(overflow: Overflow) -> None:
    overflow.add("", "fg", "abc")
    assert (overflow.rest, overflow.size, overflow.is_complete) == ("défg", 5, True)


def test_what_is_far_too_much_is_told_to_be(overflow: Overflow) -> None:
    overflow.add("", "x" * MOST_KEPT, "abc")
    overflow.add("", "y", "abc")
    assert overflow.rest == "dé" + "x" * (MOST_KEPT - 2)
    assert not overflow.is_complete


def test_undo_takes_it_back_and_redo_brings_it_again(overflow: Overflow) -> None:
    assert overflow.can_undo("abc")
    overflow.undo("abc")
    overflow.follow("")
    assert overflow.is_undone
    overflow.undo("")
    assert overflow.is_undone, "what is undone after that is something else"
    overflow.follow("abc")
    assert not overflow.is_undone


def test_undo_of_something_else_leaves_it(overflow: Overflow) -> None:
    assert not overflow.can_undo("ab")
    overflow.undo("ab")
    assert not overflow.is_undone


def test_there_is_nothing_to_undo_where_nothing_was_inserted() -> None:
    overflow = Overflow()
    overflow.add("", "x", "full")
    assert not overflow.can_undo("full")


def test_it_is_noticed_once_the_field_is_emptied_or_it_is_saved(overflow: Overflow) -> None:
    noticed = []
    overflow.follow("ab")
    noticed.append(overflow.is_noticed)
    overflow.follow("")
    noticed.append(overflow.is_noticed)
    overflow.add("", "x", "abc")
    noticed.append(overflow.is_noticed)
    overflow.settle("/a", overflow.size)
    noticed.append(overflow.is_noticed)
    assert noticed == [False, True, False, True]


def test_what_was_added_while_it_was_saved_is_not_dropped(overflow: Overflow) -> None:
    size = overflow.size
    overflow.add("", "x", "abc")
    overflow.settle("/a", size)
    assert overflow.rest == "déx"
    assert overflow.saved_as is None


def test_what_could_not_be_saved_can_be_saved_again(overflow: Overflow) -> None:
    overflow.fail("no room")
    assert (overflow.rest, overflow.problem) == ("dé", "no room")
    overflow.settle("/b", overflow.size)
    assert (overflow.rest, overflow.saved_as) == ("", "/b")
    assert overflow.problem is None
