"""Counters of failed attempts to sign in, shared by all nodes; each expires."""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from gateway.backplane.redis.calls import Calls
from gateway.backplane.redis.scripts import COUNT_GUESS

FORGOTTEN_SECONDS: Final = 900
"""Seconds without another failure after which a counter is forgotten."""
MOST_COUNTED: Final = 1_000_000

_LONGEST: Final = 64
"""Characters of a key; a longer one is replaced by its hash."""


class Guesses(NamedTuple):
    """The failures at one nickname, and those from one address."""

    of_nick: int
    of_address: int


class GuessCounter:
    """The counters. Every method raises `Unavailable` if Redis cannot answer.

    - ``folded``: the nickname, folded, whether it is registered or not;
    - ``address``: what stands for the client in limits (`ClientAddress.limited_as`).
    """

    def __init__(self, calls: Calls, *, namespace: str) -> None:
        self._calls = calls
        self._namespace = namespace

    def _keys(self, folded: str, address: str) -> tuple[str, str]:
        return self._key(f"a:{folded}"), self._key(f"i:{address}")

    def _key(self, key: str) -> str:
        if len(key) > _LONGEST:
            key = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self._namespace}:{{guess:{key}}}"

    async def read(self, folded: str, address: str) -> Guesses:
        """Return the counters, in one round trip."""
        counts = await self._calls.call_all([("GET", key) for key in self._keys(folded, address)])
        return Guesses(*(int(count) if count and count.isdigit() else 0 for count in counts))

    async def count(self, folded: str, address: str) -> Guesses:
        """Count a failure, and return the counters, in one round trip."""
        counts = await self._calls.call_all(
            [
                COUNT_GUESS.command((key,), FORGOTTEN_SECONDS * 1000, MOST_COUNTED)
                for key in self._keys(folded, address)
            ]
        )
        return Guesses(*counts)

    async def forget(self, folded: str) -> None:
        """Forget the failures at a nickname: its owner has signed in by the password."""
        await self._calls.call("UNLINK", self._key(f"a:{folded}"))
