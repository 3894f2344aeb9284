"""Rate limits: a token bucket, for commands and for new connections. Pure."""

from __future__ import annotations


class TokenBucket:
    """``burst`` tokens at once, then ``rate`` a second; a rate of 0 lets everything through.

    Times are seconds of any one monotonic clock.
    """

    __slots__ = ("_burst", "_rate", "_tokens", "_updated")

    def __init__(self, *, burst: int, rate: float, now: float) -> None:
        self._burst = float(burst)
        self._rate = rate
        self._tokens = float(burst)
        self._updated = now

    def take(self, now: float, cost: float = 1.0) -> float:
        """Take ``cost`` tokens, at most ``burst``, and return 0.0.

        While there are too few, take none and return the seconds until there are enough.
        """
        if not self._rate:
            return 0.0
        self._tokens = min(self._burst, self._tokens + (now - self._updated) * self._rate)
        self._updated = now
        if self._tokens < cost:
            return (cost - self._tokens) / self._rate
        self._tokens -= cost
        return 0.0
