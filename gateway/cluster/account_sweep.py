"""Deletes what is stored of accounts that have no nickname.

Such an account was deleted, or its registration was broken off, or lost the race for the nickname.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import structlog
import trio

from gateway.backplane import Backplane
from gateway.cluster.unheld import Unheld

NAMELESS_SECONDS: Final = 3600.0
"""Seconds of this node's monotonic clock after which an account without a nickname is deleted."""
MOST_NAMELESS: Final = 100_000
"""Accounts without a nickname on record; further ones wait until some of these are deleted."""

log = structlog.get_logger("collector")


class AccountSweep:
    """The accounts that a node has found without a nickname. Several nodes may delete the same."""

    def __init__(self, backplane: Backplane) -> None:
        self._accounts = backplane.accounts
        self._nameless = Unheld(most=MOST_NAMELESS)

    async def look_at(self, accounts: Collection[str]) -> None:
        """Delete those of these accounts that have had no nickname for long enough.

        :raises Unavailable: if Redis does not answer.
        """
        nameless = set(accounts) - await self._accounts.named_among(list(accounts))
        over = self._nameless.over(nameless, trio.current_time(), after=NAMELESS_SECONDS)
        if over:
            log.warning("accounts without a nickname", accounts=len(over))
        for account in over:
            await self._accounts.forget(account)

    def end_round(self) -> None:
        """Forget the accounts that were not found in this round through all keys."""
        self._nameless.end_round()
