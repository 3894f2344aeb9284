"""Which nicknames are allowed, and which are one and the same."""
# ruff: noqa: RUF001, RUF002 - letters that look alike are what this is about

from __future__ import annotations

import string
import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gateway.policy.nicknames import check, fold, variants
from gateway.wire import CommandError

PUNCTUATION = "_-[]\\^{}|."
ascii_nicks = st.text(string.ascii_letters + string.digits + PUNCTUATION, min_size=2, max_size=32)
anything = st.text(st.characters(codec="utf-8"), max_size=40)
letters = st.text(
    st.characters(categories=["Ll", "Lu", "Lo", "Lm", "Nd", "Mn"]), min_size=2, max_size=32
)


def why_not(nick: str, *, allow_unicode: bool = False) -> str:
    with pytest.raises(CommandError) as caught:
        check(nick, allow_unicode=allow_unicode)
    assert caught.value.code == "bad_nick"
    return caught.value.message


def is_allowed(nick: str, *, allow_unicode: bool) -> bool:
    try:
        return bool(check(nick, allow_unicode=allow_unicode))
    except CommandError:
        return False


# --- one and the same -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "same", ["Alice", "alice", "ALICE", "Ａｌｉｃｅ", "аlice", "Аlice", "alicе"]
)
def test_case_width_and_look_alikes_are_one_name(same: str) -> None:
    assert fold(same) == "alice"


@pytest.mark.parametrize(
    ("one", "other"),
    [("Bob1", "Bobl"), ("B0b", "Bob"), ("Bob", "Rob"), ("a_b", "a-b"), ("müller", "muller")],
)
def test_what_a_reader_can_tell_apart_stays_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(ascii_nicks)
def test_ascii_folds_by_case_only(nick: str) -> None:
    assert fold(nick) == nick.lower()


@given(anything | letters)
@example("о\u0301")
@example("İ")
@example("ΐ")
def test_folding_twice_changes_nothing_more(nick: str) -> None:
    assert fold(fold(nick)) == fold(nick)


@given(anything | letters)
@example("straße")
def test_case_does_not_matter(nick: str) -> None:
    assume(nick.casefold() == nick.upper().casefold() == nick.lower().casefold())
    assert fold(nick.upper()) == fold(nick.lower()) == fold(nick)


@given(anything | letters)
@example("Jose\u0301")
def test_composed_and_decomposed_are_one_name(nick: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert fold(unicodedata.normalize(form, nick)) == fold(nick)


def test_a_look_alike_with_an_accent_is_the_accented_letter() -> None:
    """Cyrillic о with an acute has no character of its own; Latin ó has."""
    assert fold("Jоsé") == fold("José")
    assert fold("ó") == fold("о\u0301")


def test_folded_look_alikes_are_the_lower_case_letter() -> None:
    assert fold("ΑΒΕ") == fold("АВЕ") == fold("abe")


# --- the ASCII policy -----------------------------------------------------------------------------


@given(ascii_nicks)
def test_what_ascii_allows_is_shown_as_it_is(nick: str) -> None:
    assert check(nick, allow_unicode=False) == nick
    assert check(nick, allow_unicode=True) == nick


@pytest.mark.parametrize("nick", ["ab", "x" * 32, "_-", "[]\\^{}|.", "Alice_2", "007"])
def test_allowed(nick: str) -> None:
    assert check(nick, allow_unicode=False) == nick


@pytest.mark.parametrize("nick", ["", "a", "x" * 33, "x" * 10_000])
@pytest.mark.parametrize("allow_unicode", [False, True])
def test_too_short_or_too_long(nick: str, allow_unicode: bool) -> None:
    assert why_not(nick, allow_unicode=allow_unicode) == "A nickname has 2 to 32 characters."


@pytest.mark.parametrize(
    ("nick", "message"),
    [
        ("a b", "A nickname may not have a space."),
        ("a\tb", "A nickname may not have the character U+0009."),
        ("a\x00b", "A nickname may not have the character U+0000."),
        ("a\x7fb", "A nickname may not have the character U+007F."),
        ("a\nb", "A nickname may not have the character U+000A."),
        ("a@b", "A nickname may not have '@'."),
        ("a#b", "A nickname may not have '#'."),
        ("a'b", "A nickname may not have '''."),
        ("<b>", "A nickname may not have '<'."),
    ],
)
@pytest.mark.parametrize("allow_unicode", [False, True])
def test_a_refusal_names_the_character(nick: str, message: str, allow_unicode: bool) -> None:
    assert why_not(nick, allow_unicode=allow_unicode) == message


@pytest.mark.parametrize(
    ("nick", "message"),
    [
        ("Zoë", "A nickname may have ASCII letters only here, not 'ë'."),
        ("аlice", "A nickname may have ASCII letters only here, not 'а'."),
        ("a\u202eb", "A nickname may have ASCII letters only here, not the character U+202E."),
        ("a\u00a0b", "A nickname may have ASCII letters only here, not the character U+00A0."),
        ("a\ud800", "A nickname may have ASCII letters only here, not the character U+D800."),
    ],
)
def test_ascii_only_where_unicode_is_off(nick: str, message: str) -> None:
    assert why_not(nick) == message


# --- the Unicode policy ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nick", "shown"),
    [
        ("Zoë", "Zoë"), ("Zoe\u0308", "Zoë"), ("Алиса", "Алиса"), ("山田太郎", "山田太郎"),
        ("שלום", "שלום"), ("Ａｌｉｃｅ", "Alice"), ("müller_2", "müller_2"),
    ],
)  # fmt: skip
def test_names_of_every_script(nick: str, shown: str) -> None:
    assert check(nick, allow_unicode=True) == shown


@pytest.mark.parametrize(
    "nick",
    [
        "a\u202eb",
        "a\u200bb",
        "a\u00a0b",
        "a\u3000b",
        "👋👋",
        "½½",
        "Ⅷ八",
        "a\u0000é",
        "a\x85",
        "\ud800\ud800",
    ],
)
def test_what_no_profile_allows(nick: str) -> None:
    assert why_not(nick, allow_unicode=True).startswith("A nickname may not have ")


@pytest.mark.parametrize("nick", ["é", "Ａ", "ü" * 33])
def test_length_is_of_the_name_as_it_is_shown(nick: str) -> None:
    assert why_not(nick, allow_unicode=True) == "A nickname has 2 to 32 characters."


def test_fullwidth_does_not_smuggle_in_punctuation() -> None:
    assert why_not("a＠b", allow_unicode=True) == "A nickname may not have '@'."


@given(anything | letters, st.booleans())
def test_whatever_comes_is_shown_or_refused(nick: str, allow_unicode: bool) -> None:
    try:
        shown = check(nick, allow_unicode=allow_unicode)
    except CommandError as error:
        assert error.code == "bad_nick"
        assert error.message.startswith("A nickname ")
        assert error.message.isprintable()
    else:
        assert 2 <= len(shown) <= 32
        assert shown.isprintable()
        assert " " not in shown
        assert check(shown, allow_unicode=allow_unicode) == shown


# --- variants -------------------------------------------------------------------------------------


@given(ascii_nicks)
@example("x" * 31 + "_")
@example("x" * 30 + "_2")
def test_variants_are_allowed_and_other_names(nick: str) -> None:
    found = variants(nick)
    assert found
    for variant in found:
        assert check(variant, allow_unicode=False) == variant
        assert fold(variant) != fold(nick)
    assert len({fold(variant) for variant in found}) == len(found)


@given(letters)
@example("שלום")
@example("l·l")
@example("x" * 30 + "é")
def test_variants_of_unicode_names_are_allowed_too(nick: str) -> None:
    assume(is_allowed(nick, allow_unicode=True))
    nick = check(nick, allow_unicode=True)
    for variant in variants(nick):
        assert check(variant, allow_unicode=True) == variant
        assert fold(variant) != fold(nick)


def test_the_likeliest_to_please_comes_first() -> None:
    assert variants("Bob")[:3] == ["Bob_", "Bob2", "Bob3"]
