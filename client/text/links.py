"""Links in a text: where they are, and which may be opened."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

_CANDIDATE: Final = re.compile(r"\bhttps?://[^\s<>\"\u201c\u201d\u00ab\u00bb`]+", re.IGNORECASE)
_PUNCTUATION: Final = ".,;:!?'\u2019\u2026*_~|"
_CLOSING: Final = {")": "(", "]": "[", "}": "{"}


def find_links(text: str) -> list[tuple[int, int]]:
    """Return the start and end of each http or https link in a text.

    Punctuation at the end is not part of a link, and neither is a closing bracket that was not
    opened within it.
    """
    found = []
    for candidate in _CANDIDATE.finditer(text):
        link = _trim(candidate[0])
        if is_link(link):
            found.append((candidate.start(), candidate.start() + len(link)))
    return found


def is_link(text: str) -> bool:
    """Return whether a whole text is a link that may be opened."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises if it is none
    except ValueError:
        return False
    is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return is_web and text.isprintable() and not text.isspace() and " " not in text


def _trim(link: str) -> str:
    open_brackets = {mark: link.count(opening) for mark, opening in _CLOSING.items()}
    closed = {mark: link.count(mark) for mark in _CLOSING}
    end = len(link)
    while end:
        last = link[end - 1]
        if last in _CLOSING and closed[last] > open_brackets[last]:
            closed[last] -= 1
        elif last not in _PUNCTUATION:
            break
        end -= 1
    return link[:end]
