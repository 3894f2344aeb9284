"""The accounts of a run: people with two devices each, others who only register, an intruder."""

from __future__ import annotations

import random
from typing import Final

import trio

from tests.faults.client.account import Account
from tests.faults.client.account_device import AccountDevice
from tests.faults.client.final_accounts import read_account
from tests.faults.client.newcomers import Intruder, Newcomers
from tests.faults.generator import OperationGenerator
from tests.faults.system.cluster import ClusterUnderTest

DEVICES: Final = (1, 2)
SIGNING_IN: Final = 2
"""How many accounts are read at one time: each costs a node a password."""


class AccountHolders:
    """All who have accounts; nobody, if ``count`` is 0.

    ``devices`` are clients like all others; the newcomers and the intruder are run by `run`.
    """

    def __init__(self, count: int, cluster: ClusterUnderTest, *, seed: str) -> None:
        history, chance = cluster.history, random.Random(f"accounts {seed}")
        self._urls = cluster.urls
        self.accounts: list[Account] = []
        self.devices: list[AccountDevice] = []
        for number in range(count):
            name = f"a{number}"
            account = Account(name, OperationGenerator(name, f"{seed}-{name}"), history)
            self.accounts.append(account)
            self.devices += [
                AccountDevice(
                    device, account, chance.sample(self._urls, len(self._urls)), history,
                    seed=f"{seed}-{name}.{device}", is_flooding=lambda: cluster.flooding,
                    accounts=self.accounts,
                )
                for device in DEVICES
            ]  # fmt: skip
        self._newcomers = Newcomers(self.accounts, self._urls, history, f"newcomers {seed}")
        self._intruder = Intruder(self.accounts, self._urls, history, f"intruder {seed}")

    async def run(self, talked: trio.Event) -> None:
        """Register more accounts, and try to get into them, until everybody has talked enough."""
        if self.accounts:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._newcomers.run, talked)
                nursery.start_soon(self._intruder.run, talked)

    async def read_everything(self) -> None:
        """Sign in to every account and read it; try every credential that was revoked."""
        limiter = trio.CapacityLimiter(SIGNING_IN)

        async def read(account: Account) -> None:
            async with limiter:
                await read_account(account, self.accounts, self._urls)

        async with trio.open_nursery() as nursery:
            for account in self.accounts:
                nursery.start_soon(read, account)
        if self.accounts:
            await self._intruder.try_everything()
