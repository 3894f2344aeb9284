"""Up to where two courses of a log are the same, by the servers that they were written under."""

from __future__ import annotations

from gateway.backplane.timeline import UNKNOWN, Timeline


def test_a_roll_back_of_any_length_is_measured_exactly() -> None:
    """However much was said since, and however often Redis was restarted before."""
    mine = Timeline((("a", 10),), "b")
    assert mine.common(50, Timeline((("a", 10), ("b", 15)), "c"), 80) == 15
    assert mine.common(50, Timeline((("a", 10), ("b", 50), ("c", 60)), "d"), 80) == 50
    assert mine.common(50, Timeline((("a", 8), ("c", 60)), "d"), 80) == 8


def test_a_log_that_is_shorter_on_the_same_server_was_tampered_with() -> None:
    same = Timeline((), "a")
    assert same.common(10, same, 12) == 10
    assert same.common(10, same, 9) is None


def test_nothing_is_known_of_a_log_whose_server_does_not_tell_its_id() -> None:
    assert UNKNOWN.common(10, Timeline((("a", 5),), "b"), 12) is None
    assert Timeline((), "a").common(10, UNKNOWN, 12) is None
    assert Timeline((), "a").common(10, Timeline((), "b"), 12) is None


def test_what_cannot_be_parsed_of_a_timeline_is_skipped() -> None:
    read = Timeline.read(b"\xffx:1 a:5 zz:7 b:9 c:", b"d", server="e", seq=20)
    assert read == Timeline((("a", 5), ("b", 9), ("d", 20)), "e")
