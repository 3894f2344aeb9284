"""Making text from the net safe to display, and a few phrases about people."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from client.i18n.texts import _, ngettext
from client.text.fitting import shortened, size_of
from client.text.visible import visible
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
    return "\n".join(map(visible, kept)).rstrip("\n")
