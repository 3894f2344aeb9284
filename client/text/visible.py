"""Makes visible, in a text from the net, what would hide something or change its direction."""

from __future__ import annotations

import unicodedata
from typing import Final

from client.text.fitting import shortened

MOST_LINE_CHARS: Final = 500
"""The longest name, reason or status that is kept, or displayed; what nodes send is shorter."""

_CONTROL_PICTURES: Final = 0x2400
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SAFE_FORMATS: Final = frozenset("\u00ad\u200c\u200d\u200e\u200f")
"""Invisible but harmless: they join emoji, break words, or mark the direction of one place."""


def has_unsafe(text: str) -> bool:
    """Return whether a text has control characters, or any that `visible` replaces."""
    return not text.isprintable() and any(map(_is_unsafe, text))


def visible(line: str) -> str:
    """Return one line of text with what is unsafe replaced.

    - Control characters become their pictures (ESC becomes ␛), a tab becomes a space.
    - Characters that change the direction of text, or are invisible, become U+FFFD.
    """
    return line if line.isprintable() else "".join(map(_shown_character, line))


def shown_line(text: str, most_chars: int = MOST_LINE_CHARS) -> str:
    """Return a text from the net as it is displayed in one line, cut if it is longer.

    See `visible` for the rest.
    """
    return visible(shortened(text, most_chars))


def _is_unsafe(c: str) -> bool:
    return unicodedata.category(c) in _UNSAFE and c not in _SAFE_FORMATS


def _shown_character(c: str) -> str:
    if not _is_unsafe(c):
        return c
    if c == "\t":
        return " "
    if c < " ":
        return chr(_CONTROL_PICTURES + ord(c))
    return "\u2421" if c == "\x7f" else "\ufffd"
