"""The parts of a text that are taken as they are: in them are no mentions and no emoji."""

from __future__ import annotations

from bisect import bisect_right

from gateway.wire.text.code import find_code
from gateway.wire.text.links import find_links


class LiteralParts:
    """The code and the links of a text."""

    def __init__(self, text: str) -> None:
        # Neither overlaps: links are not looked for in code, and a backtick ends a link.
        parts = sorted([*find_code(text), *find_links(text)])
        self._starts = [start for start, _ in parts]
        self._ends = [end for _, end in parts]

    def overlap(self, start: int, end: int) -> bool:
        """Return whether any of a piece of the text is in one of them."""
        last = bisect_right(self._starts, end - 1) - 1
        return last >= 0 and self._ends[last] > start
