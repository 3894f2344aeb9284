"""Making text from the net safe to display, and a few phrases about people."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Sequence
from typing import Final

from client.i18n.texts import _, ngettext
from client.text.fitting import shortened, size_of
from gateway import wire

_MOST_NAMED: Final = 5
"""When more people come or go at once, the others are only counted."""


def why_not_sendable(text: str, most_bytes: int) -> str | None:
    """Return why a text cannot be sent at all; None if it can."""
    size = size_of(text)
    if size > most_bytes:
        return _("This is too long to send: {size:,} of {most:,} bytes.").format(
            size=size, most=most_bytes
        )
    return None


def name_some(nicks: Sequence[str]) -> str:
    """Return a list of nicknames in words; beyond a few, the others are only counted."""
    if len(nicks) <= _MOST_NAMED:
        return ", ".join(nicks)
    others = len(nicks) - _MOST_NAMED + 1
    named = ", ".join(nicks[: _MOST_NAMED - 1])
    text = ngettext("{named} and {others} other", "{named} and {others} others", others)
    return text.format(named=named, others=others)


_CONTROL_PICTURES: Final = 0x2400
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SAFE_FORMATS: Final = frozenset("\u00ad\u200c\u200d\u200e\u200f")
"""Invisible but harmless: they join emoji, break words, or mark the direction of one place."""


MOST_LINE_CHARS: Final = 500
"""The longest name, reason or status that is displayed; what nodes send is shorter."""


def shown(text: str) -> str:
    """Return a text from the net as it is displayed; it may have several lines.

    - What is longer than any message is cut, with an ellipsis.
    - Control characters become their pictures (ESC becomes ␛).
    - Characters that change the direction of text, or are invisible, become U+FFFD.
    - Runs of empty lines become one.
    """
    text = shortened(text, wire.MAX_TEXT_BYTES)
    if text.isprintable():
        return text
    lines = text.replace("\r\n", "\n").split("\n")
    kept = [line for before, line in itertools.pairwise(["", *lines]) if line or before]
    return "\n".join(map(_safe, kept)).rstrip("\n")


def shown_line(text: str, most_chars: int = MOST_LINE_CHARS) -> str:
    """Return a text from the net as it is displayed in one line, cut if it is longer.

    See `shown` for the rest.
    """
    return _safe(shortened(text, most_chars))


def _safe(line: str) -> str:
    return line if line.isprintable() else "".join(map(_shown_character, line))


def _shown_character(c: str) -> str:
    if unicodedata.category(c) not in _UNSAFE or c in _SAFE_FORMATS:
        return c
    if c == "\t":
        return " "
    if c < " ":
        return chr(_CONTROL_PICTURES + ord(c))
    return "\u2421" if c == "\x7f" else "\ufffd"
