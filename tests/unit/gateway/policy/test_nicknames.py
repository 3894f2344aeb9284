"""Which nicknames are allowed, and which are one and the same."""
# ruff: noqa: RUF001, RUF002 - letters that look alike are what this is about

from __future__ import annotations

import string
import time

import pytest
import unicodedata2
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
    "same",
    ["Alice", "alice", "ALICE", "Ａｌｉｃｅ", "аlice", "Аlice", "alicе", "A1ice", "a|Ice", "aIlce"],
)
def test_case_width_and_look_alikes_are_one_name(same: str) -> None:
    assert fold(same) == fold("alice")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bob1", "Bobl"), ("BobI", "bob|"), ("B0b", "Bob"), ("b00k", "BOOK"), ("Mary", "rnary"),
        ("MODERN", "rnodem"), ("сара", "capa"), ("СОН", "coh"), ("сон", "СОН"), ("οο", "оо"),
        ("Straße", "STRASSE"),
    ],
)  # fmt: skip
def test_what_a_reader_takes_for_the_other_is_one_name(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bob2", "Bobz"), ("Bob", "Rob"), ("a_b", "a-b"), ("müller", "muller"), ("vine", "nine"),
        ("bun", "bvn"),
    ],
)  # fmt: skip
def test_what_a_reader_can_tell_apart_stays_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(ascii_nicks)
def test_in_ascii_case_and_few_characters_make_no_difference(nick: str) -> None:
    one_of_each = nick.lower().translate(str.maketrans("i1|0", "lllo")).replace("m", "rn")
    assert fold(nick) == one_of_each


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
        assert fold(unicodedata2.normalize(form, nick)) == fold(nick)


def test_a_look_alike_with_an_accent_is_the_accented_letter() -> None:
    """Cyrillic о with an acute has no character of its own; Latin ó has."""
    assert fold("Jоsé") == fold("José")
    assert fold("ó") == fold("о\u0301")


def test_folded_look_alikes_are_the_lower_case_letter() -> None:
    assert fold("ΑΒΕ") == fold("АВЕ") == fold("abe")


def test_what_is_too_long_for_a_nickname_is_nobodys_and_not_normalised() -> None:
    assert fold("\ufdfa" * 20_000) == "\ufdfa" * 20_000


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
        "ab\u034f",
        "می\u200cخواهم",
        "क्\u200dष",
        "ㅤㅤ",
        "ab\ufe0f",
        "ab\u2800",
        "\U00013441\U00013442",
    ],
)
def test_what_no_profile_allows(nick: str) -> None:
    assert why_not(nick, allow_unicode=True).startswith("A nickname may not have ")


@pytest.mark.parametrize("nick", ["аlice", "Αlice", "αβab", "नя", "яა", "Ⲁⲃab", "Ꮳab", "日本яя"])
def test_scripts_that_should_not_be_mixed(nick: str) -> None:
    assert why_not(nick, allow_unicode=True) == "A nickname may not mix these scripts."


@pytest.mark.parametrize(
    "nick",
    [
        "日本ab",
        "カタかな漢字x",
        "한국abc",
        "नमस्तेab",
        "ไทยab",
        "Ցabc",
        "アリス_2",
        "Ოქრო",
        "ⵣⵣ",
        "ᏣᎳᎩ",
    ],
)
def test_scripts_that_may_be_mixed_and_those_alone(nick: str) -> None:
    assert check(nick, allow_unicode=True) == unicodedata2.normalize("NFC", nick)


@pytest.mark.parametrize(
    "nick",
    ["\u0301ab", "a_\u0301", "a\u05b4b", "ab\u0301\u0301", "ab" + "\u0316\u0317\u0318\u0319\u031c"],
)
def test_marks_that_do_not_belong_there(nick: str) -> None:
    message = why_not(nick, allow_unicode=True)
    assert message.startswith("A nickname has marks only on letters that take them, not the char")


@pytest.mark.parametrize(
    "nick", ["Việt", "Việt".replace("ệ", "e\u0323\u0302"), "ไม่ได้", "הָא", "நிலா"]
)
def test_marks_that_do(nick: str) -> None:
    assert check(nick, allow_unicode=True) == unicodedata2.normalize("NFC", nick)


def test_a_name_that_looks_like_another_than_its_small_letters_is_refused() -> None:
    """Greek ΝΟΕ looks like NOE, but νοε like voe: it would be owned under the latter."""
    assert "may not look like noe" in why_not("ΝΟΕ", allow_unicode=True)
    assert check("Νοε", allow_unicode=True) == "Νοε"


@pytest.mark.parametrize("nick", ["é", "Ａ", "ü" * 33])
def test_length_is_of_the_name_as_it_is_shown(nick: str) -> None:
    assert why_not(nick, allow_unicode=True) == "A nickname has 2 to 32 characters."


def test_fullwidth_does_not_smuggle_in_punctuation() -> None:
    assert why_not("a＠b", allow_unicode=True) == "A nickname may not have '@'."


def is_printable(text: str) -> bool:
    """Return whether a text is, by the Unicode version of the rules."""
    return not any(unicodedata2.category(c)[0] in "CZ" for c in text if c != " ")


@given(anything | letters, st.booleans())
def test_whatever_comes_is_shown_or_refused(nick: str, allow_unicode: bool) -> None:
    try:
        shown = check(nick, allow_unicode=allow_unicode)
    except CommandError as error:
        assert error.code == "bad_nick"
        assert error.message.startswith("A nickname ")
        assert is_printable(error.message)
    else:
        assert 2 <= len(shown) <= 32
        assert is_printable(shown)
        assert " " not in shown
        assert check(shown, allow_unicode=allow_unicode) == shown


@pytest.mark.parametrize("character", ["\u30fb", "\u0301", "\u200c", "\u0660", "\ufdfa", "ا", "각"])
def test_the_longest_nicknames_are_read_at_once(character: str) -> None:
    """One of 15,951 bytes of U+30FB once held a node up for 22 s."""
    began = time.process_time()
    for nick in (character * 32, character * 128, character * 8_000):
        is_allowed(nick, allow_unicode=True)
        fold(nick)
    assert time.process_time() - began < 0.25


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
