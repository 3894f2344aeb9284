"""Cutting a text to what fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.text.fitting import fitting, shortened, size_of
from tests.unit.steps import steps


@pytest.mark.parametrize(
    ("text", "most", "kept"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "abc"),
        ("aé", 2, "a"),
        ("请看", 5, "请"),
        ("ab\u0301", 2, "a"),
        ("ab\u0301\u0302\u0303", 4, "a"),
        ("a\U0001f468\u200d\U0001f469", 6, "a"),
        ("a\U0001f44d\U0001f3fd", 6, "a"),
        ("a" + "\u0301" * 100, 21, "a" + "\u0301" * 10),
        ("ab", 0, ""),
        ("ab", -5, ""),
        ("", 0, ""),
        ("", -1, ""),
        ("a\ud800b", 2, "a\ud800"),
    ],
)
def test_what_fits_is_kept_and_no_letter_is_cut_apart(text: str, most: int, kept: str) -> None:
    assert fitting(text, most) == kept


@given(st.text(st.characters(exclude_categories=[])), st.integers(-5, 50))
def test_it_is_the_beginning_and_fits(text: str, most: int) -> None:
    kept = fitting(text, most)
    assert text.startswith(kept)
    assert size_of(kept) <= max(most, 0)
    assert (kept == text) is (size_of(text) <= max(most, 0))


def test_a_long_text_takes_no_longer() -> None:
    assert steps(lambda: fitting("a" * 10_000_000, 100)) == steps(lambda: fitting("a" * 200, 100))


@pytest.mark.parametrize(("text", "shown"), [("abc", "abc"), ("abcd", "ab\u2026"), ("", "")])
def test_a_cut_text_says_so(text: str, shown: str) -> None:
    assert shortened(text, 3) == shown
