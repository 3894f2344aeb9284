"""What is said, as it is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.model import shown, shown_line, why_not_sendable


class TestShownText:
    @pytest.mark.parametrize(
        ("text", "seen"),
        [
            ("[exit] $x {", "[exit] $x {"),
            (
                "bell \a esc \x1b[31m nul \0 del \x7f",
                "bell \u2407 esc \u241b[31m nul \u2400 del \u2421",
            ),
            ("a\tb", "a b"),
            ("right \u202eto left", "right \ufffdto left"),
            ("hidden\u200b\u2060\ufeff", "hidden\ufffd\ufffd\ufffd"),
            ("\u2028\u2029\x85", "\ufffd\ufffd\ufffd"),
            ("\U0001f468\u200d\U0001f469\ufe0f", "\U0001f468\u200d\U0001f469\ufe0f"),
            ("\u3000\u00a0", "\u3000\u00a0"),
            ("one\r\ntwo\n\n\n\nthree\n\n", "one\ntwo\n\nthree"),
            ("\n\nfirst", "first"),
        ],
    )
    def test_nothing_hides_in_it(self, text: str, seen: str) -> None:
        assert shown(text) == seen

    def test_a_line_stays_one(self) -> None:
        assert shown_line("a\nb\r") == "a\u240ab\u240d"

    def test_what_is_longer_than_nodes_send_is_cut(self) -> None:
        assert shown("w" * 4096) == "w" * 4096
        assert shown("w" * 1_000_000) == "w" * 4095 + "\u2026"
        assert shown_line("w" * 1_000_000) == "w" * 499 + "\u2026"
        assert shown("\n" * 1_000_000) == "\u2026"

    @given(st.text())
    def test_it_is_the_same_when_shown_again(self, text: str) -> None:
        assert shown(shown(text)) == shown(text)
        assert "\n" not in shown_line(text)


def test_a_text_that_a_node_does_not_take_is_told_with_its_size() -> None:
    assert why_not_sendable("\u00e4b", 3) is None
    assert why_not_sendable("\u00e4bc", 3) == "This is too long to send: 4 of 3 bytes."
