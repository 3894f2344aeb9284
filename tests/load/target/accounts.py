"""Makes the accounts of a scenario in Redis, without the hash of a password for each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

import trio

from gateway.auth.device_tokens import new_device
from gateway.auth.identity import new_account_id, new_device_id
from gateway.auth.password_hashing import hash_password
from gateway.backplane import payloads
from gateway.backplane.accounts import Account
from gateway.backplane.backplane import Backplane
from gateway.backplane.redis.server import RedisEndpoint
from gateway.config import Settings
from gateway.observability import logs
from gateway.parts import make_backplane
from gateway.policy import nicknames
from gateway.wire.passwords import prepare
from tests.load.scenario import Scenario

_PASSWORD: Final = "lavender tram 41 umbrella"  # noqa: S105 - nobody's
_AT_ONCE: Final = 100
"""Rooms or accounts that are written at the same time."""

ItemT = TypeVar("ItemT")


def make_accounts(scenario: Scenario, redis: str) -> dict[int, dict[str, str]]:
    """Make an account for each mover, with its rooms and what is unread in them.

    :returns: by the number of the client, the fields of the `hello` that signs it in.
    """
    logs.configure("auto", "error")
    return trio.run(_make_all, scenario, RedisEndpoint.from_url(redis))


async def _make_all(scenario: Scenario, redis: RedisEndpoint) -> dict[int, dict[str, str]]:
    movers = range(scenario.clients, scenario.clients + scenario.movers)
    backplane = make_backplane(Settings(), redis)
    made: dict[int, dict[str, str]] = {}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(backplane.link.run)
        nursery.start_soon(backplane.durable.run)
        await backplane.wait_connected()
        maker = _AccountMaker(backplane, scenario)
        rooms = {room for number in movers for room in scenario.rooms_of_account(number)}
        await _each(rooms, maker.say_unread)

        async def make(number: int) -> None:
            made[number] = await maker.make(number)

        await _each(movers, make)
        nursery.cancel_scope.cancel()
    return made


async def _each(items: Iterable[ItemT], act: Callable[[ItemT], Awaitable[None]]) -> None:
    """Do something with each of many items, with some of them at the same time."""
    limiter = trio.CapacityLimiter(_AT_ONCE)

    async def one(item: ItemT) -> None:
        async with limiter:
            await act(item)

    async with trio.open_nursery() as nursery:
        for item in items:
            nursery.start_soon(one, item)


class _AccountMaker:
    def __init__(self, backplane: Backplane, scenario: Scenario) -> None:
        self._backplane = backplane
        self._scenario = scenario
        self._hash = hash_password(prepare(_PASSWORD))

    async def say_unread(self, room: str) -> None:
        """Say what is unread in a room."""
        for number in range(self._scenario.unread):
            message_id, text = f"unread{number}", "x" * self._scenario.payload
            tail = payloads.encode_message_tail(
                room=room, sender="somebody", text=text, id=message_id
            )
            digest = payloads.digest_of(text)
            await self._backplane.rooms.publish(
                room, "load", message_id, tail, term=1, digest=digest
            )

    async def make(self, number: int) -> dict[str, str]:
        """Make the account of a client; return what it signs in with."""
        accounts, nick = self._backplane.accounts, f"account-{number}"
        account = Account(
            id=new_account_id(), nick=nick, folded=nicknames.fold(nick), password=self._hash
        )
        device = new_device_id()
        record, token = new_device(account.id, device, "load", await accounts.now())
        if await accounts.register(account, {device: record}) != "ok":
            raise SystemExit(f"the nickname {nick} is taken")
        for room in self._scenario.rooms_of_account(number):
            await self._backplane.account_rooms.add_room(account.id, room, room)
        if self._scenario.sign_in == "token":
            return {"token": token}
        return {"nick": nick, "password": _PASSWORD, "device": "load"}
