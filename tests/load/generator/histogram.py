"""Percentiles of many values, true to a thousandth, in little memory. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

DIGITS: Final = 11
"""Binary digits that are kept of a value: it is at most 1/1024 too high, and never too low."""
PERCENTILES: Final = (50.0, 95.0, 99.0, 99.9)


class Histogram:
    """Counts of whole numbers, here microseconds; those with the same first digits count as one.

    There are at most 1,024 counts between a number and its double.
    """

    __slots__ = ("_counts",)

    def __init__(self, counts: Iterable[tuple[int, int]] = ()) -> None:
        self._counts: Counter[int] = Counter()
        for value, count in counts:
            self._counts[value] += count

    @classmethod
    def merged(cls, parts: Iterable[Iterable[tuple[int, int]]]) -> Histogram:
        """Return one histogram of all that went into several, each given by its `as_json`."""
        return cls(pair for part in parts for pair in part)

    def record(self, value: int) -> None:
        """Count a value."""
        rest = max(0, value.bit_length() - DIGITS)
        self._counts[value >> rest << rest] += 1

    def as_json(self) -> list[tuple[int, int]]:
        """Return the counts, for `merged` in this process or another one."""
        return list(self._counts.items())

    def __bool__(self) -> bool:
        return bool(self._counts)

    def percentile(self, percent: float) -> int:
        """Return the value that ``percent`` of all recorded do not exceed; 0 if none were."""
        rank = max(1, int(percent / 100 * self._counts.total() + 0.5))
        least = 0
        for least in sorted(self._counts):
            rank -= self._counts[least]
            if rank <= 0:
                break
        return least | (1 << max(0, least.bit_length() - DIGITS)) - 1

    def summary(self) -> dict[str, float]:
        """Return percentiles and the maximum in milliseconds; nothing if nothing was recorded."""
        if not self:
            return {}
        named = {f"p{p:g}": p for p in PERCENTILES} | {"max": 100.0}
        return {name: self.percentile(p) / 1000 for name, p in named.items()}
