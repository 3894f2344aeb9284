"""What is said about a weak password: a code for each sentence, for clients that translate.

A warning says why it is easy to guess, a suggestion what helps. The sentences but the last are
those of zxcvbn.
"""

from __future__ import annotations

from typing import Final

LIKE_YOUR_NAME: Final = "like_your_name"

ADVICE: Final[dict[str, str]] = {
    # Warnings
    "straight_row": "Straight rows of keys are easy to guess.",
    "keyboard_pattern": "Short keyboard patterns are easy to guess.",
    "repeated_character": 'Repeats like "aaa" are easy to guess.',
    "repeated_part": ('Repeats like "abcabcabc" are only slightly harder to guess than "abc".'),
    "sequence": 'Sequences like "abc" or "6543" are easy to guess.',
    "recent_year": "Recent years are easy to guess.",
    "date": "Dates are often easy to guess.",
    "top_10": "This is a top-10 common password.",
    "top_100": "This is a top-100 common password.",
    "common": "This is a very common password.",
    "like_common": "This is similar to a commonly used password.",
    "single_word": "A word by itself is easy to guess.",
    "single_name": "Names and surnames by themselves are easy to guess.",
    "common_name": "Common names and surnames are easy to guess.",
    # Suggestions
    "use_words": "Use a few words, avoid common phrases.",
    "no_symbols_needed": "No need for symbols, digits, or uppercase letters.",
    "add_words": "Add another word or two. Uncommon words are better.",
    "longer_pattern": "Use a longer keyboard pattern with more turns.",
    "avoid_repeats": "Avoid repeated words and characters.",
    "avoid_sequences": "Avoid sequences.",
    "avoid_recent_years": "Avoid recent years.",
    "avoid_own_years": "Avoid years that are associated with you.",
    "avoid_own_dates": "Avoid dates and years that are associated with you.",
    "capitals": "Capitalization doesn't help very much.",
    "all_capitals": "All-uppercase is almost as easy to guess as all-lowercase.",
    "reversed": "Reversed words aren't much harder to guess.",
    "substitutions": ("Predictable substitutions like '@' instead of 'a' don't help very much."),
    # Our own warning
    LIKE_YOUR_NAME: "It is made of your nickname.",
}
"""Each code, and the sentence in English."""

_CODES: Final = {sentence: code for code, sentence in ADVICE.items()}


def code_of(sentence: str) -> str:
    """Return the code of a sentence in English; '' if it has none."""
    return _CODES.get(sentence, "")
