"""Why a password is easy to guess, and what helps, by the codes that the server has for that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from client.i18n.texts import N_, _

ADVICE: Final[Mapping[str, str]] = {
    "straight_row": N_("Straight rows of keys are easy to guess."),
    "keyboard_pattern": N_("Short patterns on the keyboard are easy to guess."),
    "repeated_character": N_('Repeats like "aaa" are easy to guess.'),
    "repeated_part": N_('Repeats like "abcabcabc" are hardly harder to guess than "abc".'),
    "sequence": N_('Sequences like "abc" or "6543" are easy to guess.'),
    "recent_year": N_("Recent years are easy to guess."),
    "date": N_("Dates are often easy to guess."),
    "top_10": N_("This is one of the ten most common passwords."),
    "top_100": N_("This is one of the hundred most common passwords."),
    "common": N_("This is a very common password."),
    "like_common": N_("This is similar to a common password."),
    "single_word": N_("A word by itself is easy to guess."),
    "single_name": N_("A name by itself is easy to guess."),
    "common_name": N_("Common names are easy to guess."),
    "like_your_name": N_("It is made of your nickname."),
    "use_words": N_("Use a few words, but no common phrase."),
    "no_symbols_needed": N_("Symbols, digits and capitals are not needed."),
    "add_words": N_("Add another word or two, best uncommon ones."),
    "longer_pattern": N_("Use a longer pattern on the keyboard, with more turns."),
    "avoid_repeats": N_("Avoid repeated words and characters."),
    "avoid_sequences": N_("Avoid sequences."),
    "avoid_recent_years": N_("Avoid recent years."),
    "avoid_own_years": N_("Avoid years that have to do with you."),
    "avoid_own_dates": N_("Avoid dates and years that have to do with you."),
    "capitals": N_("Capitals help little."),
    "all_capitals": N_("Capitals throughout are almost as easy to guess as none."),
    "reversed": N_("Words written backwards are hardly harder to guess."),
    "substitutions": N_("Usual replacements, like @ for a, help little."),
}
"""Each code of ``gateway.wire.password_advice``, and its sentence."""


def advice_in_words(codes: Iterable[str]) -> str:
    """Return the sentences for these codes, in the chosen language; unknown ones have none."""
    return " ".join(_(ADVICE[code]) for code in codes if code in ADVICE)
