"""Whether the scripts in a name go together: "moderately restrictive", as UTS #39 says. Pure."""

from __future__ import annotations

from functools import reduce
from typing import Final

from gateway.policy.unicode_tables import ANY_SCRIPT, scripts_of

_TOGETHER: Final = {
    "Han": frozenset({"Japanese", "Korean", "Han with Bopomofo"}),
    "Hiragana": frozenset({"Japanese"}),
    "Katakana": frozenset({"Japanese"}),
    "Hangul": frozenset({"Korean"}),
    "Bopomofo": frozenset({"Han with Bopomofo"}),
}
"""Writing systems of several scripts, by script."""
_BESIDE_LATIN: Final = {
    "Arabic", "Armenian", "Bengali", "Bopomofo", "Devanagari", "Ethiopic", "Georgian", "Gujarati",
    "Gurmukhi", "Han", "Han with Bopomofo", "Hangul", "Hebrew", "Hiragana", "Japanese", "Kannada",
    "Katakana", "Khmer", "Korean", "Lao", "Malayalam", "Myanmar", "Oriya", "Sinhala", "Tamil",
    "Telugu", "Thaana", "Thai", "Tibetan",
}  # fmt: skip
"""The recommended scripts (UAX #31, table 5) but Cyrillic and Greek, whose letters look Latin."""


def are_mixed(text: str) -> bool:
    """Return whether a text mixes scripts that should not be mixed.

    May be together: one script or writing system with what all scripts share, and Latin with one
    other that is recommended, unless that is Cyrillic or Greek.
    """
    used = [_systems_of(c) for c in text if not scripts_of(c) & ANY_SCRIPT]
    if not used or reduce(frozenset.__and__, used):
        return False
    beside = [systems for systems in used if "Latin" not in systems]
    return not (beside and reduce(frozenset.__and__, beside) & _BESIDE_LATIN)


def _systems_of(character: str) -> frozenset[str]:
    scripts = scripts_of(character)
    return scripts.union(*(_TOGETHER.get(script, ()) for script in scripts))
