"""Who is spoken to in a text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.mentions import is_mentioned
from tests.unit.steps import is_linear


@pytest.mark.parametrize(
    ("nick", "text"),
    [
        ("alice", "alice: hi"), ("alice", "hi ALICE."), ("alice", "@alice"), ("alice", "alice's"),
        ("bob", "@bob:"), ("bob", "bob’s"), ("bob", "«bob»"), ("bob", "(bob)"), ("bob", "[bob]"),
        ("bob", "**bob**"), ("bob", "bob/alice"), ("bob", "1.bob"), ("bob", "bob..."),
        ("bob", "bobby, bob"), ("bob", "`x` bob"), ("bob", "https://a.example bob"),
        # without spaces
        ("bob", "bobさん、こんにちは"), ("bob", "请@bob看"), ("bob", "ขอบคุณbobครับ"),
        ("bob", "bob님 안녕"), ("bob", "وbob"), ("bob", "「bob」"), ("bob", "＠bob：你好"),
        ("太郎", "太郎さん"), ("小明", "请小明看"), ("ボブ", "ボブさん"), ("สมชาย", "สวัสดีสมชายครับ"),
        ("bob2", "bob2さん"), ("철수", "철수야 안녕"), ("철수", "철수님께"),
        ("철수", unicodedata.normalize("NFD", "철수는")),
        # in other forms
        ("José", "hi Jose\u0301!"), ("Jose\u0301", "hi JOSÉ"), ("bob", "ｂｏｂ"), ("ｂｏｂ", "bob"),
        ("Straße", "STRASSE!"), ("вася", "Вася, привет"), ("bob", "\u200fbob\u200f"),
        ("bob", "bob™"), ("می\u200cخواهم", "میخواهم"),
        # names of more than letters
        ("a|b", "a|b: hi"), ("[x]", "[x]: hi"), ("[x]", "hi [x]さん"), ("a.b", "a.b."),
        ("^_^", "^_^!"), ("bob-", "@bob- hi"),
    ],
)  # fmt: skip
def test_a_name_of_its_own_is_a_mention(nick: str, text: str) -> None:
    assert is_mentioned(nick, text)


@pytest.mark.parametrize(
    ("nick", "text"),
    [
        ("alice", "malice"), ("alice", "alice-bob"), ("", "alice"), ("alice", "alice_"),
        ("bob", "bobby"), ("bob", "bob2"), ("bob", "bob.smith: hi"), ("smith", "bob.smith: hi"),
        ("bob", "bob@example.com"), ("example", "bob@example.com"), ("bob", "bob\u0301"),
        ("José", "Josef"), ("Jose", "José"), ("вася", "васян"), ("アン", "アンドロイド"),
        ("철수", "철수하다"), ("กา", "กาํ"), ("bob", "bob\u200dby"), ("بوب", "بوبي"),
        ("bo", "bo|b"), ("ab", "ab[away]"), ("ab", "[afk]ab"), ("[x]", "[x]y"), ("a|b", "a|bc"),
        # in code and links
        ("bob", "`bob`"), ("bob", "``a bob``"), ("bob", "```\nbob\n```"), ("bob", "```\nbob"),
        ("bob", "https://a.example/bob"), ("bob", "https://a.example/~bob/ and more"),
    ],
)  # fmt: skip
def test_a_part_of_another_word_and_code_are_none(nick: str, text: str) -> None:
    assert not is_mentioned(nick, text)


@given(
    st.text(min_size=1, max_size=32), st.sampled_from(["{}", "hi {}!", "请 {} 看", "`x` {}, hi"])
)
def test_whoever_is_spoken_to_is_mentioned_in_any_normal_form(nick: str, said: str) -> None:
    letters = "".join(c for c in nick if c.isalpha())
    for form in ("NFC", "NFD"):
        text = said.format(unicodedata.normalize(form, letters))
        assert is_mentioned(letters, text) is bool(letters)


@given(st.text(), st.text(max_size=5))
def test_nobody_is_mentioned_in_code(text: str, nick: str) -> None:
    assert not is_mentioned(nick, f"```\n{text.replace('`', '')}\n```")


@pytest.mark.parametrize("piece", ["bob", "bob ", "bobby", "`bob`", "bob\u0301", "bob\u200d", "bo"])
def test_looking_for_one_is_linear(piece: str) -> None:
    assert is_linear(lambda text: is_mentioned("bob", text), piece)
    assert is_linear(lambda text: is_mentioned("bob", f"```\n{text}"), piece)
