"""Words from the net as they may be shown, and words about people."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from client.i18n.texts import _, ngettext

_MOST_NAMED: Final = 5
"""When more people come or go at once, the others are only counted."""


def why_not_sendable(text: str, most_bytes: int) -> str | None:
    """Say why a text cannot be sent at all, so that it need not be tried; None if it can."""
    size = len(text.encode(errors="replace"))
    if size > most_bytes:
        return _("This is too long to send: {size:,} of {most:,} bytes.").format(
            size=size, most=most_bytes
        )
    return None


def name_some(nicks: Sequence[str]) -> str:
    """Name people, and count those too many to be named."""
    if len(nicks) <= _MOST_NAMED:
        return ", ".join(nicks)
    others = len(nicks) - _MOST_NAMED + 1
    named = ", ".join(nicks[: _MOST_NAMED - 1])
    text = ngettext("{named} and {others} other", "{named} and {others} others", others)
    return text.format(named=named, others=others)


def is_mentioned(nick: str, text: str) -> bool:
    """Tell whether a text names somebody, and not only somebody whose nickname has theirs in it."""
    if not nick or nick.casefold() not in text.casefold():
        return False
    pattern = rf"(?<![\w\[\]\\^{{}}|-]){re.escape(nick)}(?![\w\[\]\\^{{}}|-])"
    return re.search(pattern, text, re.IGNORECASE) is not None


_CONTROL_PICTURES: Final = 0x2400
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SAFE_FORMATS: Final = frozenset("\u00ad\u200c\u200d\u200e\u200f")
"""Invisible but harmless: they join emoji, break words, or mark the direction of one place."""


def shown(text: str) -> str:
    """Give a text from the net as it may be shown; its lines stay lines.

    Control characters become their pictures (ESC is shown as ␛); what would turn the direction of
    the text around it, or hide in it, becomes U+FFFD. Runs of empty lines become one.
    """
    if text.isprintable():
        return text
    lines = text.replace("\r\n", "\n").split("\n")
    kept = [line for before, line in itertools.pairwise(["", *lines]) if line or before]
    return "\n".join(map(shown_line, kept)).rstrip("\n")


def shown_line(text: str) -> str:
    """Give a text from the net as it may be shown in one line, as `shown` otherwise."""
    return text if text.isprintable() else "".join(map(_shown_character, text))


def _shown_character(c: str) -> str:
    if unicodedata.category(c) not in _UNSAFE or c in _SAFE_FORMATS:
        return c
    if c == "\t":
        return " "
    if c < " ":
        return chr(_CONTROL_PICTURES + ord(c))
    return "\u2421" if c == "\x7f" else "\ufffd"
