"""Words in every script."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.text.words import find_folded, fold, is_word_border
from tests.unit.steps import is_linear

LETTERS = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("aéßſİıΣς\u0301\u0323\u0345\u200d\u034f\ufe0fﬁ한각\u1112\u1161ｂ①が\u3099"),
    )
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("José", "Jose\u0301"), ("JOSÉ", "josé"), ("ｂｏｂ", "Bob"), ("Straße", "STRASSE"),
        ("ΟΔΟΣ", "οδος"), ("가", "\u1100\u1161"), ("ﬁn", "fin"), ("می\u200cخواهم", "میخواهم"),
        ("❤\ufe0f", "❤"), ("ガ", "\u30ab\u3099"), ("ｶﾞ", "ガ"),
    ],
)  # fmt: skip
def test_forms_of_one_text_are_equal(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"), [("José", "Jose"), ("боб", "bob"), ("a b", "ab"), ("a\u200bb", "ab")]
)
def test_other_texts_are_not(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(LETTERS)
def test_normal_forms_fold_alike(text: str) -> None:
    assert fold(unicodedata.normalize("NFC", text)) == fold(unicodedata.normalize("NFD", text))


@pytest.mark.parametrize(
    ("wanted", "text", "found"),
    [
        ("josé", "a Jose\u0301, JOSÉ", ["Jose\u0301", "JOSÉ"]),
        ("b", "bab", ["b", "b"]),
        ("aa", "aaaaa", ["aa", "aa"]),
        ("e", "e\u0301 e", ["e"]),
        ("f", "ﬁ f", ["f"]),
        ("fi", "ﬁ", ["ﬁ"]),
        ("ss", "Maße", ["ß"]),
        ("하", "\u1112\u1161\u11ab", ["\u1112\u1161"]),
        ("ab", "a\u00adb a\u200db\u200d", ["a\u00adb", "a\u200db"]),
        ("😀", "a😀b😀", ["😀", "😀"]),
        ("\u200d", "a\u200d", []),
        ("", "a", []),
    ],
)
def test_a_text_is_found_in_any_form(wanted: str, text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in find_folded(wanted, text)] == found


@given(LETTERS, LETTERS)
def test_what_is_found_is_what_was_wanted(wanted: str, text: str) -> None:
    last = 0
    for start, end in find_folded(wanted, text + wanted + text):
        assert last <= start < end
        assert fold((text + wanted + text)[start:end]) == fold(wanted)
        last = end


@pytest.mark.parametrize(
    ("before", "after", "is_border"),
    [
        ("bob", "by", False), ("bob", "2", False), ("bob", "_", False), ("bob", " b", True),
        ("bob", "さん", True), ("请", "bob", True), ("bob", "님", True), ("bob", "\u0301", False),
        ("太郎", "君", True), ("アン", "ドロイド", False), ("สม", "ชาย", True), ("ก", "ี", False),
        ("вас", "ян", False), ("철", "수", False), ("bob", "\u200dby", False), ("", "bob", True),
        ("bob", "\u200bby", True), ("2", "さん", True),
    ],
)  # fmt: skip
def test_where_words_begin_and_end(before: str, after: str, is_border: bool) -> None:
    assert is_word_border(before + after, len(before)) is is_border


@pytest.mark.parametrize("piece", ["a", "aab", "e\u0301", "\u0301", "\u200d", "한", "ab\u200d"])
def test_finding_is_linear(piece: str) -> None:
    assert is_linear(lambda text: list(find_folded("aa", text)), piece)
