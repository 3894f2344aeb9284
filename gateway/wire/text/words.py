"""Words in every script: where they begin and end, and which count as equal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180f\u200c-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""What takes no room. The zero-width space (U+200B) is not among it, because it separates words."""
_UNSPACED: Final = frozenset({
    "BALINESE", "CJK", "HIRAGANA", "IDEOGRAPHIC", "JAVANESE", "KHMER", "LAO", "MYANMAR", "NEW",
    "TAI", "THAI", "TIBETAN", "YI",
})  # fmt: skip
"""Scripts that are written without spaces between words, see `script_of`."""
_WORD_CATEGORIES: Final = frozenset({
    "Ll", "Lm", "Lo", "Lt", "Lu", "Mc", "Me", "Mn", "Nd", "Nl", "Pc",
})  # fmt: skip


def fold(text: str) -> str:
    """Return a text as it is compared: equal for texts that differ in form only.

    Case, width and other compatibility forms, composition, and invisible characters are folded.
    """
    if text.isascii():
        return text.casefold()
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return _INVISIBLE.sub("", folded)


def find_folded(wanted: str, text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each place in ``text`` that is equal to ``wanted`` once folded.

    The places are in order and do not overlap. A part of a letter, such as the f of a ligature or
    a letter without its accent, is no such place.
    """
    folded = fold(wanted)
    if not folded or folded not in fold(text):
        return
    if text.isascii():  # where each character is folded to one
        for found in re.finditer(re.escape(folded), fold(text)):
            yield found.span()
        return
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    pieces: list[str] = []
    size = 0
    for start, end in _letters(text):
        piece = fold(text[start:end])
        if piece:
            pieces.append(piece)
            starts[size] = start
            size += len(piece)
            ends[size] = end
    whole = "".join(pieces)
    place = whole.find(folded)
    while place >= 0:
        after = place + len(folded)
        if place in starts and after in ends:
            yield starts[place], ends[after]
            place = whole.find(folded, after)
        else:
            place = whole.find(folded, place + 1)


def is_word_border(text: str, place: int) -> bool:
    """Return whether a word begins or ends at a place in a text.

    - Letters, digits and underscores belong together.
    - A letter belongs to no word of another script: the name in ``bobさん`` is a word.
    - Within a script that is written without spaces, a word may begin and end at any letter.
    """
    before, after = visible_before(text, place), visible_after(text, place)
    if not before or not after:
        return True
    if is_mark(after):
        return False
    are_words = is_word_character(before) and is_word_character(after)
    return not (are_words and may_share_word(before, after))


def may_share_word(one: str, other: str) -> bool:
    """Return whether two characters may be of one word, as far as their scripts tell."""
    scripts = {script_of(one), script_of(other)} - {""}
    return len(scripts) <= 1 and not scripts & _UNSPACED


def visible_before(text: str, place: int) -> str:
    """Return the last visible character before a place, without its accents; empty if none is."""
    seen = ""
    while place > 0:
        place -= 1
        if not _INVISIBLE.match(text[place]):
            seen = text[place]
            if not is_mark(seen):
                break
    return seen


def visible_after(text: str, place: int) -> str:
    """Return the first visible character at or behind a place; empty if there is none."""
    while place < len(text) and _INVISIBLE.match(text[place]):
        place += 1
    return text[place : place + 1]


def is_word_character(c: str) -> bool:
    """Return whether a character can be part of a word."""
    return unicodedata.category(c) in _WORD_CATEGORIES


def is_mark(c: str) -> bool:
    """Return whether a character is an accent or a vowel on the letter before it."""
    return unicodedata.category(c).startswith("M")


@lru_cache(maxsize=1024)
def script_of(c: str) -> str:
    """Return the script of a letter as Unicode names begin, such as ``LATIN``.

    Empty for what every script uses: digits, punctuation, symbols.
    """
    if unicodedata.category(c)[0] not in "LM":
        return ""
    name = unicodedata.name(unicodedata.normalize("NFKD", c)[0], "")
    return re.split("[ -]", name, maxsplit=1)[0]


def _letters(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each character with the accents that follow it."""
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or not unicodedata.combining(text[place]):
            yield start, place
            start = place
