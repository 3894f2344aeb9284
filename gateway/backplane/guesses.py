"""Counters of failed attempts to sign in, shared by all nodes; each expires.

How they are used, and how long somebody has to wait, is said in `gateway.policy.guessing`.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final, NamedTuple

from gateway.backplane.redis.calls import Calls
from gateway.backplane.redis.scripts import COUNT_GUESS, Command
from gateway.policy.guessing import ACCOUNT, ADDRESS, NO_FAILURES, FailureCount

_LONGEST: Final = 64
"""Characters of a key; a longer one is replaced by its hash."""
_MOST_DIGITS: Final = 9


class Guesses(NamedTuple):
    """The failures at one nickname, and those from one address."""

    account: FailureCount
    address: FailureCount


class GuessCounter:
    """The counters. Every method raises `Unavailable` if Redis cannot answer.

    - ``folded``: the nickname, folded, whether it is registered or not;
    - ``address``: what stands for the client in limits; None for one that is exempt from them.
    """

    def __init__(self, calls: Calls, *, namespace: str) -> None:
        self._calls = calls
        self._namespace = namespace

    def _key(self, key: str) -> str:
        if len(key) > _LONGEST:
            key = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self._namespace}:{{guess:{key}}}"

    def _keys(self, folded: str, address: str | None) -> list[str]:
        keys = [self._key(f"a:{folded}")]
        return keys if address is None else [*keys, self._key(f"i:{address}")]

    async def read(self, folded: str, address: str | None) -> Guesses:
        """Return the counters, in one round trip."""
        keys = self._keys(folded, address)
        replies = await self._calls.call_all(
            [(command, key) for key in keys for command in ("GET", "PTTL")]
        )
        counts = [_count(*replies[at : at + 2]) for at in range(0, len(replies), 2)]
        return Guesses(counts[0], counts[1] if address is not None else NO_FAILURES)

    async def attempt(self, folded: str, address: str | None, known: Guesses) -> bool:
        """Count an attempt as a failure, before it is made; return whether it may be made.

        It may not if others were made since the counters were read.
        """
        keys = self._keys(folded, address)
        life = {0: ACCOUNT.kept, 1: ADDRESS.kept}
        replies = await self._calls.call_all(
            [_counting(key, known[at].failures, 1, life[at] * 1000) for at, key in enumerate(keys)]
        )
        return all(replies)

    async def succeeded(self, folded: str, address: str | None) -> None:
        """Take back an attempt that was right: forget all failures at the nickname."""
        nick, *addresses = self._keys(folded, address)
        forget: Command = ("UNLINK", nick)
        await self._calls.call_all([forget, *(_counting(key, "", -1, 0) for key in addresses)])


def _counting(key: str, known: int | str, change: int, life: float) -> Command:
    return COUNT_GUESS.command((key,), known, change, round(life))


def _count(failures: Any, life: Any) -> FailureCount:  # noqa: ANN401 - replies of Redis
    if not (isinstance(failures, bytes) and failures.isdigit() and len(failures) <= _MOST_DIGITS):
        return NO_FAILURES
    return FailureCount(int(failures), max(0, life) / 1000)
