"""Code in a text, as Markdown marks it: between backticks, and in blocks between fences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_FENCE: Final = re.compile(r"^ {0,3}(`{3,})([^`\n]*)$", re.MULTILINE)
_TICKS_OR_GAP: Final = re.compile(r"`+|\n[ \t]*\n")
"""Backticks, and the empty line that ends a paragraph and so the code in it."""


def find_code(text: str) -> list[tuple[int, int]]:
    """Return the start and end of each piece of code in a text, its marks included.

    - Code within a paragraph is between two runs of equally many backticks.
    - A block begins with a line of three backticks or more, whatever follows them there, and ends
      with such a line that is bare and not shorter, or else with the text.
    """
    return _scan(text)[0]


def ends_in_code(text: str) -> bool:
    """Return whether what is typed at the end of a text is code, which may not be closed yet."""
    return _scan(text)[1]


def _scan(text: str) -> tuple[list[tuple[int, int]], bool]:
    """Return the pieces of code, and whether the end of the text is within an unfinished one."""
    found: list[tuple[int, int]] = []
    start, opened = 0, None
    for fence in _FENCE.finditer(text):
        if opened is None:
            found += _inline(text, start, fence.start())[0]
            opened = fence
        elif len(fence[1]) >= len(opened[1]) and not fence[2].strip():
            found.append((opened.start(), fence.end()))
            start, opened = fence.end(), None
    if opened is not None:
        return [*found, (opened.start(), len(text))], True
    inline, is_open = _inline(text, start, len(text))
    return [*found, *inline], is_open


def _inline(text: str, start: int, end: int) -> tuple[list[tuple[int, int]], bool]:
    """Return the same for a part of a text without blocks."""
    runs = list(_TICKS_OR_GAP.finditer(text, start, end))
    partners = _partners(runs)
    found: list[tuple[int, int]] = []
    is_open, number = False, 0
    while number < len(runs):
        partner = partners[number]
        if partner is not None:
            found.append((runs[number].start(), runs[partner].end()))
            number = partner
        else:
            is_open = runs[number][0].startswith("`")
        number += 1
    return found, is_open


def _partners(runs: Sequence[re.Match[str]]) -> list[int | None]:
    """Return for each run of backticks the number of the next equal one in its paragraph."""
    partners: list[int | None] = [None] * len(runs)
    latest: dict[int, int] = {}
    for number in reversed(range(len(runs))):
        run = runs[number][0]
        if run[0] != "`":
            latest.clear()
        else:
            partners[number] = latest.get(len(run))
            latest[len(run)] = number
    return partners
