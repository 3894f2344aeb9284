"""The devices of accounts in Redis: bounded, renewed, and gone for good once revoked."""

from __future__ import annotations

from typing import Final

import pytest
import trio

from gateway.auth import device_tokens
from gateway.auth.device_tokens import DeviceRecord
from gateway.backplane.accounts import DISABLED, Account, AccountStore
from gateway.backplane.devices import (
    MOST_DEVICES,
    CannotAddDevice,
    DeviceStore,
    OutdatedSignIn,
)
from gateway.backplane.redis.link import Link
from tests.redis_server import RedisServer

ACCOUNT: Final = "0123456789abcdef"
DEVICE: Final = "0123456789ab"
DAY: Final = 86_400


@pytest.fixture
def accounts(link: Link) -> AccountStore:
    return AccountStore(link, link, namespace="test")


@pytest.fixture
async def store(link: Link, accounts: AccountStore) -> DeviceStore:
    assert await accounts.register(Account(id=ACCOUNT, nick="Ann", folded="ann")) == "ok"
    return DeviceStore(link, link, namespace="test")


def device(seen: int = 0) -> DeviceRecord:
    return DeviceRecord("phone", hash="h", seen=seen, made=seen)


async def test_a_device_is_read_listed_and_revoked(store: DeviceStore) -> None:
    for name, seen in (("d1", 3600), ("d2", 7200), ("d3", 0)):
        assert await store.add(ACCOUNT, name, device(seen)) == []
    assert list(await store.of(ACCOUNT)) == ["d2", "d1", "d3"]
    assert await store.get(ACCOUNT, "d1") == device(3600)
    assert await store.others(ACCOUNT, "d2") in (["d1", "d3"], ["d3", "d1"])
    assert await store.revoke(ACCOUNT, ["d1", "gone"]) == ["d1"]
    assert await store.revoke(ACCOUNT, ["d1", "gone"]) == []
    assert await store.get(ACCOUNT, "d1") is None
    assert list(await store.of(ACCOUNT)) == ["d2", "d3"]


async def test_with_too_many_the_ones_unused_longest_are_signed_out(
    store: DeviceStore, redis_server: RedisServer
) -> None:
    for number in range(MOST_DEVICES):
        assert await store.add(ACCOUNT, f"d{number}", device(3600 * (number + 1))) == []
    assert await store.add(ACCOUNT, "new", device(0)) == ["d0"]
    key = f"test:{{account:{ACCOUNT}}}:devices"
    redis_server.ask("HSET", key, "broken", "{")
    assert set(await store.add(ACCOUNT, "newer", device(1))) == {"broken", "new"}
    assert len(await store.of(ACCOUNT)) == MOST_DEVICES


async def test_nobody_is_signed_in_to_an_account_that_is_not_active_or_has_changed(
    store: DeviceStore, accounts: AccountStore
) -> None:
    await accounts.set_password(ACCOUNT, "other")
    with pytest.raises(OutdatedSignIn):
        await store.add(ACCOUNT, "d1", device(), if_version=1)
    assert await store.add(ACCOUNT, "d1", device(), if_version=2) == []
    await accounts.set_state(ACCOUNT, DISABLED)
    for account in (ACCOUNT, "nobody"):
        with pytest.raises(CannotAddDevice):
            await store.add(account, "d2", device())
    assert list(await store.of(ACCOUNT)) == ["d1"]


async def test_a_token_is_renewed_while_both_work_and_survives_lost_answers(
    store: DeviceStore,
) -> None:
    made, first = device_tokens.new_device(ACCOUNT, DEVICE, "phone", 0)
    await store.add(ACCOUNT, DEVICE, made)

    async def sign_in(token: str, now: int) -> str:
        stored = await store.get(ACCOUNT, DEVICE)
        assert stored is not None
        used = device_tokens.use(stored, device_tokens.parse(token), now, unused_days=90)
        assert await store.record_use(ACCOUNT, DEVICE, stored, used.device)
        assert await store.get(ACCOUNT, DEVICE) == used.device
        return used.token

    assert await sign_in(first, 10) == ""
    second = await sign_in(first, DAY + 1)
    assert second == await sign_in(first, DAY + 2)
    assert await sign_in(second, DAY + 3) == ""
    with pytest.raises(device_tokens.BadDeviceToken):
        await sign_in(first, DAY + 4)


async def test_a_use_is_written_only_if_something_changes(
    store: DeviceStore, redis_server: RedisServer
) -> None:
    await store.add(ACCOUNT, "d1", device(3600))
    redis_server.ask("CONFIG", "RESETSTAT")
    assert await store.record_use(ACCOUNT, "d1", device(3600), device(3600))
    assert "cmdstat_evalsha" not in redis_server.ask("INFO", "commandstats")
    assert await store.record_use(ACCOUNT, "d1", device(3600), device(7200))
    assert await store.get(ACCOUNT, "d1") == device(7200)


async def test_of_those_who_renew_at_once_all_but_the_first_read_again(store: DeviceStore) -> None:
    await store.add(ACCOUNT, "d1", device())
    recorded = []

    async def renew(number: int) -> None:
        after = DeviceRecord("phone", hash="h", next=f"n{number}")
        recorded.append(await store.record_use(ACCOUNT, "d1", device(), after))

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(renew, number)
    assert recorded.count(True) == 1


async def test_a_revoked_device_does_not_come_back_by_being_used(store: DeviceStore) -> None:
    await store.add(ACCOUNT, "d1", device())
    await store.revoke(ACCOUNT, ["d1"])
    assert not await store.record_use(ACCOUNT, "d1", device(), device(3600))
    assert await store.of(ACCOUNT) == {}
