"""Emoji by their short names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.text.emoji import EMOJI, complete_emoji, typed_emoji, with_emoji
from tests.unit.steps import is_linear


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
        ("std::key::mag ::key::mag key::", "std::key::mag ::key::mag key::"),
        ("请:smile:谢谢", "请\U0001f604谢谢"),
        ("привет:smile: 안녕:smile:", "привет\U0001f604 안녕\U0001f604"),
        ("José:smile: Jose\u0301:smile:", "José:smile: Jose\u0301:smile:"),
        ("10:20:30 10:100:30 fe80::100:1", "10:20:30 10:100:30 fe80::100:1"),
        ("(:smile:)。:smile:！", "(\U0001f604)。\U0001f604！"),
        ("`:smile:` :smile: ``a :key:``", "`:smile:` \U0001f604 ``a :key:``"),
        ("```\n:smile:\n```\n:smile:", "```\n:smile:\n```\n\U0001f604"),
        ("看http://a:key:b。:key:", "看http://a:key:b。\U0001f511"),
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
    [
        ("so :smi", "smi"), (":ta", "ta"), ("(:ta", "ta"), (":s", None), ("a:smi", None),
        ("x", None), ("请:smi", "smi"), ("`:smi", None), ("std::key", None), ("10:30", None),
    ],
)  # fmt: skip
def test_what_is_being_typed_may_be_one(before: str, typed: str | None) -> None:
    assert typed_emoji(before) == typed


@pytest.mark.parametrize(
    "piece", [":", ":a", ":key:", ":key", "a:key:", "http://a:key:", "`:key:`"]
)
def test_replacing_is_linear(piece: str) -> None:
    assert is_linear(with_emoji, piece)
