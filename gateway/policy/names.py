r"""What nicknames and room names have in common: which are the same, and which look the same. Pure.

- `fold` joins names that are one: they differ in case, width, normal form or invisible characters.
- `look` joins names that only look alike (UTS #39), in whatever case they are written.

Callers bound the length of a text first; each function is then done within some milliseconds.
All depends on `unicode_tables.VERSION` alone, not on the Python.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from gateway.policy.unicode_tables import (
    ANY_SCRIPT,
    EMOJI,
    FOLDS,
    IGNORABLE,
    IGNORABLE_RANGES,
    JOINS_NEXT,
    JOINS_PREVIOUS,
    JOINS_THROUGH,
    PICTOGRAPHIC,
    PROTOTYPES,
    category,
    is_virama,
    normalize,
    scripts_of,
)

_NON_JOINER: Final = "\u200c"
_JOINER: Final = "\u200d"
_AS_TEXT_OR_EMOJI: Final = "\ufe0e\ufe0f"
_SKIN_TONES: Final = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
_KEYCAP: Final = "\u20e3"
_KEYCAP_BASES: Final = "#*"
_LANDS: Final = ("gbeng", "gbsct", "gbwls")
_FLAG: Final = "\U0001f3f4(?:{})\U000e007f".format(
    "|".join("".join(chr(0xE0000 + ord(letter)) for letter in land) for land in _LANDS)
)
"""The flags of England, Scotland and Wales: the emoji that need invisible tag characters."""
_FLAG_OR_INVISIBLE: Final = re.compile(
    f"({_FLAG})|[" + "".join(f"{chr(a)}-{chr(b)}" for a, b in IGNORABLE_RANGES) + "]"
)
_BLANKS: Final = "\u2800\U0001d159\U00013441\U00013442\U00016fe4\ufffc"
"""Characters without ink that Unicode does not call ignorable or spaces."""
_MOST_MARKS: Final = 4
"""Nonspacing marks on one character (UTS #39, 5.4)."""


def strip_invisible(text: str) -> str:
    """Return a text without default ignorable characters, except within flags."""
    return _FLAG_OR_INVISIBLE.sub(lambda found: found[1] or "", text)


def shown(text: str) -> str:
    """Return a name as it is shown: in NFC, and without invisible characters that do nothing.

    Kept are a zero-width (non-)joiner between letters whose shapes it changes (RFC 5892, appendix
    A), and what emoji consist of: joiners, variation selectors, the tags in flags.
    """
    while True:
        text = normalize("NFC", text)
        cleaned = _FLAG_OR_INVISIBLE.sub(_if_it_does_something, text)
        if cleaned == text:
            return text
        text = cleaned


def _if_it_does_something(found: re.Match[str]) -> str:
    return found[0] if found[1] or _does_something(found.string, found.start()) else ""


def _does_something(text: str, place: int) -> bool:
    """Return whether an invisible character changes how its neighbours are drawn."""
    character, before, after = text[place], text[:place], text[place + 1 :]
    if not before:
        return False
    if character in _AS_TEXT_OR_EMOJI:
        return before[-1] in EMOJI and (not before[-1].isascii() or after[:1] == _KEYCAP)
    if character not in _NON_JOINER + _JOINER or not after:
        return False
    if is_virama(before[-1]):
        return True
    if character == _JOINER:
        return after[0] in PICTOGRAPHIC and _last_but_modifiers(before) in PICTOGRAPHIC
    left = next((c for c in reversed(before) if c not in JOINS_THROUGH), " ")
    right = next((c for c in after if c not in JOINS_THROUGH), " ")
    return left in JOINS_NEXT and right in JOINS_PREVIOUS


def _last_but_modifiers(text: str) -> str:
    """Return the last character before variation selectors and skin tones."""
    return text.rstrip(_AS_TEXT_OR_EMOJI + _SKIN_TONES)[-1:] or " "


def fold(text: str) -> str:
    """Return the key of a name: equal for names that differ only as `names` says.

    As NFKC_Casefold of the Unicode standard, but that flags stay apart. Idempotent.
    """
    if text.isascii():
        return text.lower()
    return _settle(text, FOLDS)


def look(text: str) -> str:
    """Return the skeleton (UTS #39) of a name, the same for every case: equal if they look alike.

    ``I`` and ``l`` look alike, and so ``Ian`` and ``lan``, but not ``ian`` and ``lan``: the look
    depends on the case in which a name is written.
    """
    skeleton = normalize("NFKD", strip_invisible(normalize("NFKD", text))).translate(PROTOTYPES)
    return _settle(skeleton, FOLDS, PROTOTYPES)


def looks(name: str) -> list[str]:
    """Return what a name looks like: as it is written, and in small letters if that is another."""
    return sorted({look(name), look(fold(name))})


def _settle(text: str, *mappings: Mapping[int, str]) -> str:
    """Return a text once decomposing, mapping and composing it changes nothing any more."""
    while True:
        mapped = strip_invisible(normalize("NFKD", text))
        for mapping in mappings:
            mapped = normalize("NFKD", mapped.translate(mapping))
        mapped = normalize("NFKC", mapped)
        if mapped == text:
            return text
        text = mapped


def unfit_character(text: str) -> str | None:
    """Return the first character that no name may have: a space, blank, control, or unassigned.

    Invisible characters are ignored, as `fold` does.
    """
    for c in normalize("NFKD", strip_invisible(text)):
        if c in _BLANKS or (category(c)[0] in "CZ" and c not in IGNORABLE):  # else a flag's tag
            return c
    return None


def stray_mark(text: str) -> str | None:
    """Return the first combining mark that does not belong where it stands; None if all do.

    It belongs on a letter, digit or symbol of a script that uses it, at most four there, and none
    twice in a row.
    """
    base, marks = "", ""
    for c in normalize("NFD", strip_invisible(text)):
        kind = category(c)
        if kind[0] != "M":
            base, marks = c, ""
            continue
        if not base or not (category(base)[0] in "LNS" or (base in _KEYCAP_BASES and c == _KEYCAP)):
            return c
        if kind != "Mc":
            if marks.endswith(c) or len(marks) == _MOST_MARKS:
                return c
            marks += c
        used, here = scripts_of(c), scripts_of(base)
        if not (used & here or used & ANY_SCRIPT or here & ANY_SCRIPT):
            return c
    return None
