"""What a password must be."""

from __future__ import annotations

import ast
import contextlib
import inspect
import time
import unicodedata

import precis_i18n
import pytest
import unicodedata2
import zxcvbn.feedback
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.password_advice import ADVICE, LIKE_YOUR_NAME, code_of
from gateway.wire.passwords import (
    LEAST_CHARS,
    LEAST_SCORE,
    MOST_BYTES,
    BadPassword,
    WeakPassword,
    check_new,
    prepare,
    strength,
)

GOOD = "correct horse battery staple"


def refused(password: str, least_chars: int = LEAST_CHARS) -> str:
    with pytest.raises(BadPassword) as caught:
        check_new(password, least_chars=least_chars)
    assert str(caught.value).isprintable()
    return caught.value.reason


# --- Which are taken, and as what -----------------------------------------------------------------


@pytest.mark.parametrize(
    "password", [GOOD, "пароль из многих слов", "密码里有很多很多很多很多字", "🦊🐙 lampe 🌋 zwölf"]
)
def test_a_good_password_is_taken_as_it_is(password: str) -> None:
    assert check_new(password, nick="alice") == password


@pytest.mark.parametrize(
    ("typed", "hashed"),
    [
        ("a\u00a0b\u3000c", "a b c"),
        (unicodedata.normalize("NFD", "Zwölf Äpfel"), "Zwölf Äpfel"),
        ("ﬁﾊＡ", "ﬁﾊＡ"),
        ("Case Stays", "Case Stays"),
        (" spaces stay ", " spaces stay "),
    ],
)
def test_the_same_password_is_hashed_alike_however_it_is_typed(typed: str, hashed: str) -> None:
    assert prepare(typed) == hashed
    assert prepare(hashed) == hashed


@given(st.text(st.characters(max_codepoint=0x7F), max_size=40))
def test_ascii_is_what_precis_makes_of_it(password: str) -> None:
    profile = precis_i18n.get_profile("OpaqueString", unicodedata=unicodedata2)
    try:
        enforced = profile.enforce(password)
    except UnicodeEncodeError:
        with pytest.raises(BadPassword):
            prepare(password)
    else:
        assert prepare(password) == enforced


@given(st.text(max_size=40))
def test_every_text_is_taken_or_refused_with_a_reason(text: str) -> None:
    try:
        check_new(text, nick="alice")
    except BadPassword as error:
        assert error.reason in {"short", "long", "characters"}
    except WeakPassword as error:
        assert error.strength.score < LEAST_SCORE
        assert str(error)


@pytest.mark.parametrize("length", [0, 1, 11])
def test_a_password_may_be_too_short_to_choose_but_not_to_try(length: int) -> None:
    password = "xK9!vQ2#mZ7"[:length]
    assert refused(password) == ("short" if length else "characters")
    if length:
        assert prepare(password) == password


def test_the_least_length_is_in_characters_and_can_be_set() -> None:
    assert refused("Zwölf Äpfe!") == "short"
    assert refused(GOOD, least_chars=len(GOOD) + 1) == "short"
    assert check_new("xK9!vQ2#mZ", least_chars=10)


@pytest.mark.parametrize(
    "password", [GOOD * 37, "x" * (MOST_BYTES + 1), "ß" * (MOST_BYTES // 2 + 1), "x" * 10_000_000]
)
def test_a_password_is_too_long_by_its_bytes(password: str) -> None:
    assert refused(password) == "long"
    with pytest.raises(BadPassword):
        prepare(password)


def test_a_password_may_grow_too_long_as_it_is_normalised() -> None:
    grows = "\u0958" * (MOST_BYTES // 3)  # NFC writes it as two characters
    assert len(grows.encode()) <= MOST_BYTES
    assert refused(grows) == "long"


def test_the_longest_password_is_taken() -> None:
    longest = (GOOD + " vulcan ")[:36] * 28 + "and 16 more ones"
    assert len(longest) == MOST_BYTES
    assert check_new(longest) == longest


@pytest.mark.parametrize(
    "character",
    ["\0", "\n", "\t", "\x7f", "\x85", "\u200b", "\u200d", "\u202e", "\ufeff", "\ud800", "\uffff"],
)
def test_control_and_invisible_characters_are_refused(character: str) -> None:
    assert refused(f"{GOOD}{character}") == "characters"
    assert refused(f"{character}{GOOD}") == "characters"


# --- Strength -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "warning"),
    [
        ("passwordpassword", "repeated_part"),
        ("aaaaaaaaaaaaaaaa", "repeated_character"),
        ("qwertyuiop[]", "straight_row"),
        ("abcdefghijklmnop", "sequence"),
        ("elizabeth1985", ""),
        ("constitutional", "single_word"),
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused_with_why(password: str, warning: str) -> None:
    with pytest.raises(WeakPassword) as caught:
        check_new(password)
    found = caught.value.strength
    assert found.score < LEAST_SCORE
    assert found.suggestions
    if warning:
        assert found.warning == warning
    for code in filter(None, (found.warning, *found.suggestions)):
        assert ADVICE[code] in str(caught.value)


def test_a_nickname_makes_no_good_password() -> None:
    assert strength("Thymiankraut").score >= LEAST_SCORE
    for password in ("Thymiankraut", "Thymiankraut1", "tuarknaimyhT"):
        with pytest.raises(WeakPassword) as caught:
            check_new(password, nick="Thymiankraut")
        assert caught.value.strength.warning == LIKE_YOUR_NAME
    assert strength("Thymiankraut").score >= LEAST_SCORE, "the next one has another nickname"


def test_only_the_beginning_of_a_long_password_is_judged() -> None:
    assert strength("a" * 72 + GOOD).score < LEAST_SCORE
    assert strength(GOOD + "a" * 900).score == 4


def test_every_sentence_of_zxcvbn_has_a_code() -> None:
    """They are translated by code; a version with new sentences fails here."""
    tree = ast.parse(inspect.getsource(zxcvbn.feedback))
    said = {
        ast.literal_eval(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "_"
    }
    assert len(said) > 20
    assert said == {sentence for code, sentence in ADVICE.items() if code != LIKE_YOUR_NAME}
    assert all(ADVICE[code_of(sentence)] == sentence for sentence in said)


# --- What a hostile password costs ----------------------------------------------------------------


@pytest.mark.parametrize(
    "password",
    [
        "48@({[<3691!|70$5+%2" * 4,
        "4@({[<69!1|7$5+" * 5,
        "ab" * 36,
        "aab" * 24,
        "1.1.91" * 12,
        "1" * 72,
        "password" * 9,
        "\u30fb" * 340 + "ア",
        "\u0660" * 512,
        "\u0301" * 512,
        "İ" * 512,
    ],
)
def test_every_password_is_judged_at_once(password: str) -> None:
    """72 characters that stand for letters in many ways once took 2.4 s."""
    strength(GOOD)  # reads the dictionaries
    began = time.process_time()
    with contextlib.suppress(BadPassword, WeakPassword):
        check_new(password, nick="|" * 32)
    assert time.process_time() - began < 1.0, "it takes about 0.1 s"


def test_symbols_that_stand_for_letters_are_still_seen_through() -> None:
    for password in ("p@$$w0rd", "P4ssw0rd", "m0nk3y!|1"):
        assert strength(password).score < LEAST_SCORE
