"""Emoji by their short names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.text.emoji import EMOJI, complete_emoji, typed_emoji, with_emoji


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (":smile:", "\U0001f604"),
        ("well done :+1::tada:!", "well done \U0001f44d\U0001f389!"),
        (":grinning_face:", "\U0001f600"),
        (":no such: :nonsense: a:b", ":no such: :nonsense: a:b"),
        ("10:30:smile:", "10:30:smile:"),
        ("chat:key:lobby 12:100:30 :key:s", "chat:key:lobby 12:100:30 :key:s"),
        (
            "https://h/a:key:b http://h/:key: (:key:)",
            "https://h/a:key:b http://h/:key: (\U0001f511)",
        ),
        ("::smile::", ":\U0001f604:"),
        (":Smile:", ":Smile:"),
        ("std::vector::size", "std::vector::size"),
    ],
)
def test_short_names_become_emoji_and_nothing_else_does(text: str, seen: str) -> None:
    assert with_emoji(text) == seen


@given(st.text())
def test_a_text_without_a_short_name_stays(text: str) -> None:
    if not re.search(r":[a-z0-9_+-]+:", text):
        assert with_emoji(text) == text


def test_there_are_a_few_hundred_and_each_can_be_typed() -> None:
    assert 400 < len(EMOJI) < 1500
    assert [name for name, emoji in EMOJI.items() if with_emoji(f":{name}:") != emoji] == []


def test_a_name_is_completed_with_the_usual_ones_first() -> None:
    assert complete_emoji(":smi")[0] == ("smile", "\U0001f604")
    assert complete_emoji("TAD") == [("tada", "\U0001f389")]
    assert "rolling_eyes" in dict(complete_emoji("eyes"))
    assert len(complete_emoji("a", most=5)) == 5
    assert complete_emoji("nothing like it") == []


@pytest.mark.parametrize(
    ("before", "typed"),
    [("so :smi", "smi"), (":ta", "ta"), ("(:ta", "ta"), (":s", None), ("a:smi", None), ("x", None)],
)
def test_what_is_being_typed_may_be_one(before: str, typed: str | None) -> None:
    assert typed_emoji(before) == typed
