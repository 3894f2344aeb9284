"""Which node to try next, and when: in turn, with growing random delays. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

FIRST_BACKOFF: Final = 0.25
"""Seconds up to which the first wait may last; the bound doubles with each failure."""
LONGEST_BACKOFF: Final = 15.0
"""Seconds up to which any wait may last."""


class Route:
    """The nodes of a cluster in the order in which one client tries them. Times are in seconds."""

    def __init__(self, urls: Sequence[str]) -> None:
        if not urls:
            raise ValueError("a session needs the URL of at least one node")
        self.urls = list(urls)
        self._turn = random.randrange(len(urls))  # noqa: S311 - spreads clients over the nodes
        self._not_before: dict[str, float] = {}

    @property
    def url(self) -> str:
        """The node that is tried next."""
        return self.urls[self._turn % len(self.urls)]

    def advance(self) -> str:
        """Return the node that is tried next, and move on to the one after it."""
        url = self.url
        self._turn += 1
        return url

    def keep_away(self, url: str, until: float) -> None:
        """Avoid a node until a time, because it said that it accepts nobody."""
        self._not_before[url] = until

    def delay(self, failures: int, now: float, *, ceiling: float = LONGEST_BACKOFF) -> float:
        """Choose the node to try next, and return how many seconds to wait before that.

        The wait is random between 0 and a bound that doubles with each failure, up to ``ceiling``.
        """
        self._not_before = {url: at for url, at in self._not_before.items() if at > now}
        turns = range(self._turn, self._turn + len(self.urls))
        self._turn = min(
            turns, key=lambda t: self._not_before.get(self.urls[t % len(self.urls)], 0)
        )
        most = min(ceiling, FIRST_BACKOFF * 2 ** min(failures, 10))
        wait = max(0.0, self._not_before.get(self.url, now) - now)
        return wait + random.uniform(0, most)  # noqa: S311 - a node's clients spread out
