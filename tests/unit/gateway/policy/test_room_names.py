"""Which names a room may have, which are one room, and which only look like another's."""
# ruff: noqa: RUF001 - letters that look alike are what this is about

from __future__ import annotations

import hashlib
import time

import pytest
import unicodedata2
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.policy import names, nicknames, room_names
from gateway.policy.room_names import check, key
from gateway.wire import CommandError

ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
anything = st.text(st.characters(codec="utf-8"), max_size=64)
of_scripts = st.text(
    st.sampled_from(
        "aIl1|0Omrnоνсé\u0301\u0323ﬁßİſςΣＡｶﾞ가ᄀ\u3164\u034f\u200c\u200d\ufe0fم🏴👩🚒क्ष²ǆ"
    ),
    max_size=64,
)


def refused(name: str) -> CommandError:
    with pytest.raises(CommandError) as caught:
        check(name)
    return caught.value


# --- one room -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("Lobby", "lobby"), ("LOBBY", "lobby"), ("ＬＯＢＢＹ", "lobby"), ("lobby\u034f", "lobby"),
        ("lo\u00adbby", "lobby"), ("\u202elobby", "lobby"), ("lobby\U000e0041", "lobby"),
        ("𝕝𝕠𝕓𝕓𝕪", "lobby"), ("café", "cafe\u0301"), ("CAFÉ", "cafe\u0301"), ("Straße", "STRASSE"),
        ("ΣΑΣ", "σας"), ("ｶﾞ", "ガ"), ("가", "\u1100\u1161"), ("می\u200cخواهم", "میخواهم"),
        ("❤\ufe0f", "❤"), ("c²", "C2"),
    ],
)  # fmt: skip
def test_spellings_of_one_room(name: str, same: str) -> None:
    assert check(name).key == check(same).key == key(name) == key(same)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("a", "ä"),
        ("ian", "lan"),
        ("v1", "vi"),
        ("mail", "mall"),
        (ENGLAND, "🏴"),
        ("lobby", "lobby2"),
    ],
)
def test_other_rooms(name: str, other: str) -> None:
    assert check(name).key != check(other).key


@given(anything | of_scripts)
@example("ΐ")
@example("e\u200c\u0301")
def test_what_is_shown_is_the_same_room_and_shown_as_it_is(name: str) -> None:
    folded = names.fold(name)
    assert names.fold(folded) == folded
    shown = names.shown(name)
    assert names.fold(shown) == folded
    assert names.shown(shown) == shown
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert names.fold(unicodedata2.normalize(form, name)) == folded


@given(anything | of_scripts)
def test_a_look_is_stable(name: str) -> None:
    look = names.look(name)
    assert names.look(look) == look
    assert names.look(names.shown(name)) == look
    for form in ("NFC", "NFD", "NFKC"):
        assert names.look(unicodedata2.normalize(form, name)) == look


@given(anything | of_scripts)
def test_whatever_comes_is_a_room_or_refused(name: str) -> None:
    try:
        checked = check(name)
    except CommandError as error:
        assert error.code in {"bad_room", "room_looks_alike"}
        return
    assert checked.key == key(name) == key(checked.shown)
    assert check(checked.shown) == checked
    assert checked.shown
    assert len(checked.shown) <= 64
    assert not any(c.isspace() for c in checked.key + checked.shown)


# --- as it is shown -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "Foo", "STRASSE", "می\u200cخواهم", "نمی\u200cدانم", "क्\u200cष", "ක්\u200dෂ", "👩\u200d🚒",
        "👩🏽\u200d🚒", "❤\ufe0f", "❤\ufe0e", "🏳\ufe0f\u200d🌈", "1\ufe0f\u20e3", "#\ufe0f\u20e3",
        "👁\ufe0f\u200d🗨\ufe0f", ENGLAND, "🇩🇪", "日本語", "한국어", "தமிழ்", "c#", "a+b", "no-1",
    ],
)  # fmt: skip
def test_a_name_is_shown_as_it_is_written(name: str) -> None:
    assert check(name).shown == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("foo\u200cbar", "foobar"), ("می\u200c\u200cخواهم", "میخواهم"), ("\u200cfoo", "foo"),
        ("a\u200d🚒", "a🚒"), ("foo\ufe0f", "foo"), ("1\ufe0fst", "1st"), ("a\u202eb", "ab"),
        ("cafe\u0301", "café"), ("🏴\U000e0067\U000e007f", "🏴"), ("LOBBY", "lobby"),
        ("e\u034f\u0301", "é"),
    ],
)  # fmt: skip
def test_what_does_nothing_is_not_shown(name: str, shown: str) -> None:
    assert check(name).shown == shown


@pytest.mark.parametrize(
    "name",
    [
        "", "x" * 65, "\ufb2c" * 64,
        "ㅤ", "\u034f", "\u200b\u200c\u200d", "\ufe0f", "a b", "a\u00a0b", "a\u3000b",
        "a\n", "a\x7f", "\u2800", "a\u2800b", "\U0001d159", "\ufffc", "\ue000", "\u0378",
        "\U000e0041", "\u0301", "\u0301a", "-\u0301", "a\u05b4", "a\u0301\u0301",
        "a\u0316\u0317\u0318\u0319\u031c", "\ufdfa", "\u00b4", "\ufff9a", "\u0600",
    ],
)  # fmt: skip
def test_what_is_no_name(name: str) -> None:
    assert refused(name).code == "bad_room"


@pytest.mark.parametrize("name", ["lоbby", "Iobby", "l0bby", "1obby", "|OBBY", "LOBBΥ", "lоbbу"])
def test_what_only_looks_like_the_lobby(name: str) -> None:
    error = refused(name)
    assert (error.code, error.suggestion) == ("room_looks_alike", "lobby")


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Ian", "lan"), ("room", "roorn"), ("Room", "ROORN"), ("MOON", "rnoon"), ("СОН", "COH"),
        ("b1ue", "blue"), ("ΝΟΕ", "NOE"), ("ﬁle", "fi1e"),
    ],
)  # fmt: skip
def test_names_that_look_alike(name: str, other: str) -> None:
    assert names.look(name) == names.look(other)


@pytest.mark.parametrize(
    ("name", "other"), [("INFO", "infо"), ("Internal", "intеrnal"), ("IAN", "lan")]
)
def test_names_of_which_one_looks_like_the_other_in_some_case(name: str, other: str) -> None:
    assert not set(names.looks(name)).isdisjoint(names.looks(other))


def test_every_character_settles_in_the_same_way_on_every_python() -> None:
    """If the digest changes, so do the keys of rooms: raise the schema number."""
    digest = hashlib.sha256()
    for point in (*range(0x32000), *range(0xE0000, 0xE1000)):  # all that have been assigned
        character = chr(point)
        folded, look = names.fold(character), names.look(character)
        assert (names.fold(folded), names.look(look)) == (folded, look), hex(point)
        digest.update(ascii((folded, look, nicknames.fold(character))).encode())
    assert digest.hexdigest()[:16] == "05c5c2da22161862"


@pytest.mark.parametrize(
    "character",
    ["\u30fb", "\u0301", "\ufdfa", "\u200c", "م\u200c", "👩\u200d", "ǆ", "\u1d160", "각"],
)
def test_the_longest_names_are_read_at_once(character: str) -> None:
    """The bound is on length: what is longer is refused without a look at it."""
    began = time.process_time()
    for name in ((character * 64)[:64], character * 8_000):
        try:
            checked = room_names.check(name)
        except CommandError:
            continue
        names.look(checked.shown)
    assert time.process_time() - began < 0.25
