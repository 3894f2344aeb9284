"""Cutting a text to what fits."""

from __future__ import annotations

from typing import Final

from gateway.wire.text.words import is_mark

_LONGEST_LETTER: Final = 16
"""How many characters of one letter are kept together, at most."""
_JOINER: Final = "\u200d"
_SKIN_TONES: Final = frozenset(map(chr, range(0x1F3FB, 0x1F400)))


def size_of(text: str) -> int:
    """Return the size of a text in bytes of UTF-8."""
    return len(text.encode(errors="replace"))


def fitting(text: str, most_bytes: int) -> str:
    """Return the beginning of a text that fits into so many bytes of UTF-8.

    It does not end within a letter with its accents, or within a joined emoji, unless that alone is
    too large. This takes no longer for a long text than for one that just fits.
    """
    start = text[: max(most_bytes, 0)]  # no character has less than a byte
    encoded = start.encode(errors="replace")
    if len(text) == len(start) and len(encoded) <= most_bytes:
        return text
    end = len(encoded[: max(most_bytes, 0)].decode(errors="ignore"))
    for place in range(end, max(end - _LONGEST_LETTER, 0), -1):
        if not _is_within_letter(text, place):
            return text[:place]
    return text[:end]


def shortened(text: str, most_chars: int) -> str:
    """Return a text of at most so many characters; one that is longer ends with an ellipsis."""
    return text if len(text) <= most_chars else f"{text[: most_chars - 1]}\u2026"


def _is_within_letter(text: str, place: int) -> bool:
    after, before = text[place], text[place - 1]
    return is_mark(after) or after in _SKIN_TONES or _JOINER in {before, after}
