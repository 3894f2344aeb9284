"""Links in a text: where they are, and which may be opened."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import urlsplit

from gateway.wire.text.code import find_code
from gateway.wire.text.words import is_word_border, script_of

_SCHEME: Final = re.compile(r"https?://", re.IGNORECASE)
_IN_HOST: Final = frozenset("-._:@%")
"""The punctuation of a host, with its port and a name before it."""
_IPV6: Final = re.compile(r"\[[0-9a-f:.%]+\](?::\d+)?", re.IGNORECASE)
_ENDS: Final = frozenset('<>"`\uff1c\uff1e\uff5c\u200b\u200e\u200f\ufeff')
"""What ends a link besides white space and the punctuation of other scripts."""
_IN_WORDS: Final = frozenset("\u00b7\u2019\u30fb")
"""Punctuation that is part of a link where a letter follows, as in names of pages."""
_JOINERS: Final = str.maketrans("", "", "\u200c\u200d")
"""The invisible characters that spelling needs, in Persian and in emoji."""
_PUNCTUATION: Final = ".,;:!?'\u2019\u2026*_~|"
_BEFORE_OTHER_SCRIPT: Final = ".,;!*'"
"""Punctuation of an ASCII link behind which a letter of another script is the sentence again."""
_CLOSING: Final = {")": "(", "]": "[", "}": "{"}


def find_links(text: str) -> list[tuple[int, int]]:
    """Return the start and end of each http or https link in a text, without those in code.

    What belongs to the sentence is not part of a link:

    - punctuation at its end; quotation marks; what other scripts than Latin have for punctuation;
    - a closing bracket that was not opened within it, and what follows that;
    - in a link of ASCII characters, a letter of another script right behind a letter or digit.
    """
    if "://" not in text:
        return []
    found: list[tuple[int, int]] = []
    code = iter([*find_code(text), (len(text), len(text))])
    code_start, code_end = next(code)
    place = 0
    while scheme := _SCHEME.search(text, place):
        start = scheme.start()
        while code_end <= start < len(text):
            code_start, code_end = next(code)
        if code_start <= start:
            place = code_end
            continue
        end = _end_of_link(text, scheme.end()) if is_word_border(text, start) else scheme.end()
        if is_link(text[start:end]):
            found.append((start, end))
        place = max(end, scheme.end())
    return found


def is_link(text: str) -> bool:
    """Return whether a whole text is a link that may be opened."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises if it is none
    except ValueError:
        return False
    is_web = parts.scheme in {"http", "https"} and bool(parts.hostname)
    return is_web and text.translate(_JOINERS).isprintable() and " " not in text


def _end_of_link(text: str, start: int) -> int:
    """Return where a link ends whose host begins at ``start``."""
    end = _end_of_host(text, start)
    if text[end : end + 1] in tuple("/?#"):
        end = _end_of_path(text, end)
    while end > start and text[end - 1] in _PUNCTUATION:
        end -= 1
    return end


def _end_of_host(text: str, start: int) -> int:
    """Return where a host ends, with its port if it has one."""
    if address := _IPV6.match(text, start):
        return address.end()
    end = start
    while end < len(text) and (text[end] in _IN_HOST or _is_letter(text[end])):
        end += 1
    # No top-level domain and no port has letters of two scripts.
    last = 1 + max(text.rfind(mark, start, end) for mark in ".@:")
    for place in range(max(last, start) + 1, end):
        if _is_glued(text, place):
            return place
    return end


def _end_of_path(text: str, start: int) -> int:
    """Return where the rest of a link ends that begins behind its host."""
    opened = dict.fromkeys(_CLOSING.values(), 0)
    is_ascii = True
    for place in range(start, len(text)):
        c = text[place]
        if c in _CLOSING:
            opened[_CLOSING[c]] -= 1
            if opened[_CLOSING[c]] < 0:
                return place
        elif c in opened:
            opened[c] += 1
        elif _ends_path(text, place) or (is_ascii and _is_glued(text, place)):
            return place
        is_ascii = is_ascii and c.isascii()
    return len(text)


def _ends_path(text: str, place: int) -> bool:
    """Return whether a character is none of a link, wherever it stands in its path."""
    c = text[place]
    if c in _ENDS or c.isspace():
        return True
    if c.isascii() or not unicodedata.category(c).startswith("P"):
        return False
    joins = c in _IN_WORDS or unicodedata.category(c) in {"Pc", "Pd"}
    return not (joins and _is_letter(text[place + 1 : place + 2] or " "))


def _is_glued(text: str, place: int) -> bool:
    """Return whether the sentence goes on, in another script, right behind an ASCII character."""
    c, before = text[place], text[place - 1]
    if c.isascii() or unicodedata.category(c)[0] not in "LNS" or script_of(c) == "LATIN":
        return False
    return before.isascii() and (before.isalnum() or before in _BEFORE_OTHER_SCRIPT)


def _is_letter(c: str) -> bool:
    return unicodedata.category(c)[0] in "LMN"
