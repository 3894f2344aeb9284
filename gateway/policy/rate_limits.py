"""Rate limits: a token bucket, a table of them by key, and one that is shared out fairly. Pure.

Times are seconds of any one monotonic clock. A rate of 0 lets everything through.
"""

from __future__ import annotations

import math
from typing import Final

MOST_KEYS: Final = 50_000
"""Keys that a table remembers; then the one that was used least lately is forgotten."""
SHARE_SECONDS: Final = 1.0
"""Seconds in which what somebody has taken of a `SharedBucket` counts for a third of it."""
_NEGLIGIBLE: Final = 0.01


class TokenBucket:
    """``burst`` tokens at once, then ``rate`` a second."""

    __slots__ = ("_burst", "_rate", "_tokens", "_updated")

    def __init__(self, *, burst: float, rate: float, now: float) -> None:
        self._burst = float(burst)
        self._rate = rate
        self._tokens = float(burst)
        self._updated = now

    def take(self, now: float, cost: float = 1.0) -> float:
        """Take ``cost`` tokens, and return 0.0.

        While there are too few, take none and return the seconds until there are enough. What costs
        more than ``burst`` is let through when the bucket is full, which then owes the rest.
        """
        if not self._rate:
            return 0.0
        self._refill(now)
        needed = min(cost, self._burst)
        if self._tokens < needed:
            return (needed - self._tokens) / self._rate
        self._tokens -= cost
        return 0.0

    def spend(self, now: float, cost: float) -> float:
        """Take ``cost`` tokens, whether they are there or not; return the seconds that are owed."""
        if not self._rate:
            return 0.0
        self._refill(now)
        self._tokens -= cost
        return max(0.0, -self._tokens / self._rate)

    def _refill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._updated) * self._rate)
        self._updated = now


class BucketTable:
    """A token bucket for each key, in bounded memory.

    - A key that is not in the table has a full bucket, so full ones are forgotten.
    - Of more than ``most`` keys, the one that was used least lately is forgotten. So somebody with
      very many keys gets more for them, and takes nothing from anybody else.
    """

    __slots__ = ("_burst", "_full_at", "_most", "_rate")

    def __init__(self, *, burst: float, rate: float, most: int = MOST_KEYS) -> None:
        self._most = most
        self._full_at: dict[str, float] = {}
        """When each bucket is full again; the one used least lately is the first."""
        self.configure(burst=burst, rate=rate)

    def __len__(self) -> int:
        return len(self._full_at)

    def configure(self, *, burst: float, rate: float) -> None:
        """Change what each bucket holds, and what it gets a second; what is owed stays owed."""
        self._burst = burst
        self._rate = rate

    def take(self, key: str, now: float, cost: float = 1.0) -> float:
        """Take ``cost`` tokens of a key and return 0.0, or return the seconds until there are some.

        What costs more than ``burst`` is let through when the bucket is full, which then owes the
        rest.
        """
        if not self._rate:
            return 0.0
        self._forget_full(now)
        full_at = max(self._full_at.get(key, now), now)
        wait = full_at - now - (self._burst - min(cost, self._burst)) / self._rate
        if wait > 0.0:
            return wait
        self._full_at.pop(key, None)
        self._full_at[key] = full_at + cost / self._rate
        if len(self._full_at) > self._most:
            del self._full_at[next(iter(self._full_at))]
        return 0.0

    def give_back(self, key: str) -> None:
        """Give a token back that a key took in vain."""
        if key in self._full_at and self._rate:
            self._full_at[key] -= 1.0 / self._rate

    def _forget_full(self, now: float) -> None:
        """Forget up to two full buckets, so that the table shrinks faster than it can grow."""
        for _ in range(2):
            oldest = next(iter(self._full_at), None)
            if oldest is None or self._full_at[oldest] > now:
                return
            del self._full_at[oldest]


class SharedBucket:
    """A token bucket out of which nobody can take the shares of others.

    A key may take a token only while it has taken lately no more than there is left ("dynamic
    thresholds", Choudhury and Hahne 1998). So one key alone can use the whole rate, k of them get a
    k-th each, and whoever comes next still finds about as much as any of them has had.
    """

    __slots__ = ("_burst", "_most", "_rate", "_tokens", "_updated", "_used")

    def __init__(self, *, rate: float, now: float, most: int = MOST_KEYS) -> None:
        """Begin full, with what ``rate`` brings in a second; one token at least."""
        self._most = most
        self._used: dict[str, tuple[float, float]] = {}
        """What each key has taken, and when that was reckoned; used least lately is the first."""
        self._updated = now
        self.configure(rate=rate)

    def __len__(self) -> int:
        return len(self._used)

    def configure(self, *, rate: float) -> None:
        """Change the rate; the bucket is full then."""
        self._rate = rate
        self._burst = self._tokens = max(1.0, rate)

    def take(self, key: str | None, now: float) -> float:
        """Take a token and return 0.0, or return the seconds until there may be one for this key.

        None stands for somebody whose share is not limited.
        """
        if not self._rate:
            return 0.0
        self._tokens = min(self._burst, self._tokens + (now - self._updated) * self._rate)
        self._updated = now
        self._forget_old(now)
        used = 0.0 if key is None else self._faded(key, now)
        if wait := self._wait(used):
            return wait
        if key is not None:
            self._used.pop(key, None)
            self._used[key] = used + 1.0, now
            if len(self._used) > self._most:
                del self._used[next(iter(self._used))]
        self._tokens -= 1.0
        return 0.0

    def _wait(self, used: float) -> float:
        """Return the seconds until there is a token, and the key that has used so much may take it.

        What it has used fades meanwhile, whatever the others take.
        """
        for_token = max(0.0, (1.0 - self._tokens) / self._rate)
        left = max(1.0, self._tokens)
        return max(for_token, SHARE_SECONDS * math.log(used / left) if used > left else 0.0)

    def _faded(self, key: str, now: float) -> float:
        """Return what of that which a key has taken still counts."""
        used, at = self._used.get(key, (0.0, now))
        return used * math.exp((at - now) / SHARE_SECONDS)

    def _forget_old(self, now: float) -> None:
        """Forget up to two keys that have taken next to nothing lately."""
        for _ in range(2):
            oldest = next(iter(self._used), None)
            if oldest is None or self._faded(oldest, now) > _NEGLIGIBLE:
                return
            del self._used[oldest]
