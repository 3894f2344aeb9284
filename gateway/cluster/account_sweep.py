"""Deletes what is stored of accounts that have no nickname.

Such an account was deleted, or its registration was broken off, or lost the race for the nickname.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import structlog
import trio

from gateway.backplane import Backplane

NAMELESS_SECONDS: Final = 3600.0
"""Seconds of this node's monotonic clock after which an account without a nickname is deleted."""
MOST_NAMELESS: Final = 100_000
"""Accounts without a nickname on record; further ones wait until some of these are deleted."""

log = structlog.get_logger("collector")


class AccountSweep:
    """The accounts that a node has found without a nickname. Several nodes may delete the same."""

    def __init__(self, backplane: Backplane) -> None:
        self._accounts = backplane.accounts
        self._nameless: dict[str, float] = {}
        """Those of the last round through all keys, and since when."""
        self._found: dict[str, float] = {}
        """The same, of the present round."""

    async def look_at(self, accounts: Collection[str]) -> None:
        """Delete those of these accounts that have had no nickname for long enough.

        :raises Unavailable: if Redis does not answer.
        """
        over = []
        now = trio.current_time()
        for account in set(accounts) - await self._accounts.named_among(list(accounts)):
            since = self._found.get(account, self._nameless.get(account, now))
            if now - since >= NAMELESS_SECONDS:
                over.append(account)
            elif account in self._found or len(self._found) < MOST_NAMELESS:
                self._found[account] = since
        if over:
            log.warning("accounts without a nickname", accounts=len(over))
        for account in over:
            await self._accounts.forget(account)

    def end_round(self) -> None:
        """Forget the accounts that were not found in this round through all keys."""
        self._nameless, self._found = self._found, {}
