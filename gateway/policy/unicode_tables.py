"""The Unicode data for names, of one version whatever the Python. Pure.

`unicodedata2` has the categories and normal forms; ``unicode_tables.json`` the rest. It is made by
``deploy/unicode-tables.mjs``. What decides about names must not use `unicodedata`, `str.casefold`
or `str.isprintable`: their data are those of the running Python.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from importlib import resources
from typing import Final

import msgspec
import unicodedata2

Range = tuple[int, int]


class _Joining(msgspec.Struct, frozen=True):
    dual: list[Range]
    left: list[Range]
    right: list[Range]
    transparent: list[Range]


class _Tables(msgspec.Struct, frozen=True):
    version: str
    folds: dict[str, str]
    prototypes: dict[str, str]
    ignorable: list[Range]
    emoji: list[Range]
    pictographic: list[Range]
    joining: _Joining
    scripts: list[tuple[int, int, str]]


class CharacterSet:
    """A set of characters, given as ranges of code points."""

    def __init__(self, *ranges: Sequence[Range]) -> None:
        merged = sorted(each for some in ranges for each in some)
        self._firsts = [first for first, _ in merged]
        self._lasts = [last for _, last in merged]

    def __contains__(self, character: str) -> bool:
        point = ord(character)
        place = bisect_right(self._firsts, point) - 1
        return place >= 0 and point <= self._lasts[place]


_tables: Final = msgspec.json.decode(
    resources.files(__package__).joinpath("unicode_tables.json").read_bytes(), type=_Tables
)

VERSION: Final = _tables.version
"""The Unicode version by which names are compared; all nodes of a cluster have the same."""
INSTALLED_VERSION: Final[str] = unicodedata2.unidata_version
"""That of the installed `unicodedata2`, which must be the same."""

FOLDS: Final = {ord(c): c.lower() for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"} | {
    ord(c): folded for c, folded in _tables.folds.items()
}
"""Full case folding, for `str.translate`."""
PROTOTYPES: Final = {ord(c): prototype for c, prototype in _tables.prototypes.items()}
"""What each confusable character looks like (UTS #39), for `str.translate`."""
IGNORABLE: Final = CharacterSet(_tables.ignorable)
"""Default ignorable characters, which are invisible."""
IGNORABLE_RANGES: Final = _tables.ignorable
EMOJI: Final = CharacterSet(_tables.emoji)
"""Characters that may be followed by an emoji variation selector; digits, # and * among them."""
PICTOGRAPHIC: Final = CharacterSet(_tables.pictographic)
"""Characters that a zero-width joiner may join into one emoji."""
JOINS_NEXT: Final = CharacterSet(_tables.joining.dual, _tables.joining.left)
"""Letters of cursive scripts that join the letter after them."""
JOINS_PREVIOUS: Final = CharacterSet(_tables.joining.dual, _tables.joining.right)
"""Letters of cursive scripts that join the letter before them."""
JOINS_THROUGH: Final = CharacterSet(_tables.joining.transparent)
"""Characters that do not part two letters that join."""

_SCRIPT_FIRSTS: Final = [first for first, _, _ in _tables.scripts]
_SCRIPTS: Final = [(last, frozenset(names.split())) for _, last, names in _tables.scripts]
_NO_SCRIPTS: Final[frozenset[str]] = frozenset()
ANY_SCRIPT: Final = frozenset({"Common", "Inherited"})
"""The scripts of characters that go with every script."""


def scripts_of(character: str) -> frozenset[str]:
    """Return the scripts that use a character (Script_Extensions); empty if it is unassigned."""
    point = ord(character)
    place = bisect_right(_SCRIPT_FIRSTS, point) - 1
    if place < 0 or point > _SCRIPTS[place][0]:
        return _NO_SCRIPTS
    return _SCRIPTS[place][1]


def category(character: str) -> str:
    """Return a character's general category, such as ``Lu``."""
    return unicodedata2.category(character)  # type: ignore[no-any-return]


def is_virama(character: str) -> bool:
    """Return whether a character is a sign of Indic scripts that kills the vowel before it."""
    return unicodedata2.combining(character) == 9  # type: ignore[no-any-return] # noqa: PLR2004


def normalize(form: str, text: str) -> str:
    """Return a text in the normal form ``NFC``, ``NFD``, ``NFKC`` or ``NFKD``."""
    return unicodedata2.normalize(form, text)  # type: ignore[no-any-return]
