"""What a scan of all keys found that nobody holds, and for how long nobody has. Pure."""

from __future__ import annotations

from collections.abc import Iterable


class Unheld:
    """Names on record, from one round through all keys to the next.

    At most ``most`` in one round; further ones wait until some of these are over. Times are seconds
    of one monotonic clock.
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._before: dict[str, float] = {}
        """Those of the last round, and since when."""
        self._found: dict[str, float] = {}
        """The same, of the present round."""

    def over(self, names: Iterable[str], now: float, *, after: float) -> list[str]:
        """Record names that nobody holds; return those that nobody has held for ``after``."""
        over = []
        for name in names:
            since = self._found.get(name, self._before.get(name, now))
            if now - since >= after:
                over.append(name)
            elif name in self._found or len(self._found) < self._most:
                self._found[name] = since
        return over

    def end_round(self) -> None:
        """Forget the names that were not found in this round through all keys."""
        self._before, self._found = self._found, {}
