"""People who register while faults strike and go away; and one who tries what is others'."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import Final

import trio

from client.session import CannotConnect, CommandError, open_session
from gateway import wire
from tests.faults.client.account import Account, SignedIn, revoked_credentials
from tests.faults.client.probe import probe, try_credential
from tests.faults.generator import OperationGenerator
from tests.faults.history import NickOwnership, RunHistory

INTERVAL: Final = (4.0, 8.0)
"""The least and the most seconds from one registration to the next."""
CONTESTED_SHARE: Final = 0.25
"""The share of registrations that two people want to make with one nickname."""
INTRUDER: Final = "intruder"
INTRUDER_INTERVAL: Final = (0.5, 1.5)


class Newcomers:
    """Registers one account after the other; nobody comes back to them before the end."""

    def __init__(
        self, accounts: list[Account], urls: Sequence[str], history: RunHistory, seed: str
    ) -> None:
        """Add the accounts to ``accounts``."""
        self._accounts, self._urls, self._history = accounts, urls, history
        self._seed, self._chance = seed, random.Random(seed)

    async def run(self, talked: trio.Event) -> None:
        """Register, until everybody has talked enough."""
        async with trio.open_nursery() as nursery:
            for number in itertools.count(1):
                nick = f"r{number}"
                nursery.start_soon(self._register, nick, nick)
                if self._chance.random() < CONTESTED_SHARE:
                    nursery.start_soon(self._register, f"{nick}.2", nick)
                with trio.move_on_after(self._chance.uniform(*INTERVAL)):
                    await talked.wait()
                    break

    async def _register(self, name: str, nick: str) -> None:
        generator = OperationGenerator(nick, f"{self._seed}-{name}")
        account = Account(name, generator, self._history)
        account.begin_anew(nick)
        device = SignedIn(account)

        async def keep(token: str | None) -> None:
            await trio.lowlevel.checkpoint()
            if token is not None:
                device.keep_token(token, trio.current_time())

        urls = generator.shuffled(self._urls)
        try:
            async with open_session(urls, account.registration, on_token=keep):
                account.registered(trio.current_time())
                account.signed_in[1] = device
                self._accounts.append(account)
        except (CannotConnect, CommandError):
            return  # whether there is one now may be uncertain


class Intruder:
    """Tries revoked credentials, and nicknames that are reserved for others, for as long as a run.

    ``accounts``: those of the run.
    """

    def __init__(
        self, accounts: Sequence[Account], urls: Sequence[str], history: RunHistory, seed: str
    ) -> None:
        self._accounts, self._urls, self._history = accounts, urls, history
        self._chance = random.Random(seed)
        self._numbers = itertools.count(1)

    async def run(self, talked: trio.Event) -> None:
        """Try something now and then, until everybody has talked enough."""
        while not talked.is_set():
            with trio.move_on_after(self._chance.uniform(*INTRUDER_INTERVAL)):
                await talked.wait()
            await self._try_credential()
            await self._take_nick()

    async def try_everything(self) -> None:
        """Try every credential that was revoked, on every node."""
        for url in self._urls:
            for credential in list(revoked_credentials(self._history)):
                await try_credential(self._accounts[0], credential, url)

    async def _try_credential(self) -> None:
        if revoked := list(revoked_credentials(self._history)):
            url = self._chance.choice(self._urls)
            await try_credential(self._accounts[0], self._chance.choice(revoked), url)

    async def _take_nick(self) -> None:
        account = self._chance.choice(self._accounts)
        hello = wire.Hello(id=f"intruder-{next(self._numbers)}", nick=account.nick)
        if not account.is_registered:
            return
        async with probe(self._chance.choice(self._urls), hello) as connection:
            if connection is not None and connection.welcome is not None:
                now = trio.current_time()
                ownership = NickOwnership(INTRUDER, connection.welcome.nick, now)
                self._history.ownerships.append(ownership)
                await trio.lowlevel.checkpoint()
                ownership.until = trio.current_time()
