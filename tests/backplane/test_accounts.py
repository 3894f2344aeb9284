"""The accounts in Redis: registered once, changed in order, and deleted without a trace."""

from __future__ import annotations

from typing import Final

import pytest
import trio

from gateway.auth.device_tokens import DeviceRecord
from gateway.backplane import Refused
from gateway.backplane.accounts import (
    DISABLED,
    Account,
    AccountChanged,
    AccountStore,
    NoSuchAccount,
)
from gateway.backplane.redis.link import Link
from tests.backplane.conftest import Links, NodeRegistry
from tests.redis_server import RedisServer

HASH: Final = "$argon2id$x"
ANN: Final = Account(id="a1", nick="Ann", folded="ann", password=HASH, register_id="r1")
PHONE: Final = DeviceRecord("phone", hash="h", seen=3600, made=3601)


@pytest.fixture
def store(link: Link) -> AccountStore:
    return AccountStore(link, link, namespace="test")


async def read(store: AccountStore, account: str = "a1") -> Account:
    found = await store.read(account)
    assert found is not None
    return found


async def test_an_account_is_read_as_it_was_registered(store: AccountStore) -> None:
    before = await store.now()
    assert await store.register(ANN, {"d1": PHONE}) == "ok"
    found, device, now = await store.read_for_sign_in("a1", "d1")
    assert found is not None
    assert before <= found.created <= now
    assert found == Account(
        id="a1", nick="Ann", folded="ann", password=HASH, register_id="r1",
        role="user", state="active", created=found.created, version=1,
    )  # fmt: skip
    assert device == PHONE
    assert await store.find("ann") == "a1"


async def test_who_is_not_there_is_nobody(store: AccountStore) -> None:
    assert await store.read("a1") is None
    found, device, _ = await store.read_for_sign_in("a1", "d1")
    assert found is None
    assert device is None
    assert await store.find("ann") == ""
    assert await store.find_subject("issuer", "subject") == ""
    with pytest.raises(NoSuchAccount):
        await store.set_role("a1", "admin")
    assert await store.read("a1") is None, "it was not made by the change"


async def test_of_many_who_register_one_nickname_one_has_it(
    links: Links, redis_server: RedisServer
) -> None:
    stores = []
    for number in range(4):
        link = await links.open(f"n{number}")
        stores.append(AccountStore(link, link, namespace="test"))
    answers = []

    async def register(number: int) -> None:
        account = Account(id=f"a{number}", nick="Ann", folded="ann")
        answers.append(await stores[number % 4].register(account, {"d1": PHONE}))

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(register, number)
    assert sorted(answers) == ["ok", *["registered"] * 19]
    winner = await stores[0].find("ann")
    assert redis_server.keys() == [
        f"test:{{account:{winner}}}:devices", f"test:{{account:{winner}}}:meta",
        "test:{nicks}:accounts",
    ]  # fmt: skip


async def test_registering_again_under_the_same_id_changes_nothing(store: AccountStore) -> None:
    assert await store.register(ANN, {"d1": PHONE}) == "ok"
    await store.set_role("a1", "admin")
    before = await read(store)
    assert await store.register(ANN, {"d2": PHONE}) == "ok"
    assert await read(store) == before


async def test_an_account_survives_a_registration_of_its_own_that_fails_later(
    store: AccountStore,
) -> None:
    await store.register(ANN)
    assert await store.set_nick(ANN, "Anna", "anna") == "ok"
    await store.register(Account(id="a2", nick="Ann", folded="ann"))
    assert await store.register(ANN) == "registered"
    assert (await read(store)).nick == "Anna"


async def test_a_guests_nickname_is_registered_by_its_owner_alone(
    store: AccountStore, nodes: NodeRegistry
) -> None:
    node = await nodes.open()
    await node.nicks.claim("Ann", "s1")
    assert await store.register(ANN) == "in use"
    assert await store.register(ANN, session="s2") == "in use"
    assert await store.read("a1") is None
    assert await store.register(ANN, session="s1") == "ok"


async def test_every_change_counts_and_one_that_came_too_late_is_refused(
    store: AccountStore,
) -> None:
    await store.register(ANN)
    versions = [
        await store.set_password("a1", "other", if_version=1),
        await store.set_role("a1", "owner"),
        await store.set_state("a1", DISABLED),
        await store.set_status("a1", "away back at five"),
        await store.set_reset("a1", "code", 99),
    ]
    assert versions == [2, 3, 4, 5, 6]
    with pytest.raises(AccountChanged):
        await store.set_password("a1", "late", if_version=1)
    found = await read(store)
    assert (found.password, found.role, found.state) == ("", "owner", DISABLED)
    assert (found.status, found.reset, found.reset_until) == ("away back at five", "code", 99)
    await store.set_password("a1", "new")
    found = await read(store)
    assert (found.password, found.reset, found.reset_until) == ("new", "", 0)


async def test_a_renamed_account_has_its_new_nickname_alone(store: AccountStore) -> None:
    await store.register(ANN)
    await store.register(Account(id="a2", nick="Bob", folded="bob"))
    assert await store.set_nick(ANN, "Bob", "bob") == "registered"
    assert (await read(store)).nick == "Ann"
    for _ in range(2):
        assert await store.set_nick(ANN, "Anna", "anna") == "ok"
        assert [await store.find(nick) for nick in ("ann", "anna")] == ["", "a1"]
    assert (await read(store)).nick == "Anna"
    assert await store.set_nick(await read(store), "ANNA", "anna") == "ok"
    assert await store.find("anna") == "a1"


async def test_an_outside_identity_belongs_to_the_first(store: AccountStore) -> None:
    assert await store.claim_subject("issuer", "subject", "a1") == "a1"
    assert await store.claim_subject("issuer", "subject", "a2") == "a1"
    assert await store.claim_subject("issuers", "ubject", "a3") == "a3"
    assert await store.find_subject("issuer", "subject") == "a1"


async def test_of_a_deleted_account_nothing_is_left(
    store: AccountStore, redis_server: RedisServer
) -> None:
    account = Account(id="a1", nick="Ann", folded="ann", issuer="i", subject="s")
    await store.register(account, {"d1": PHONE})
    await store.claim_subject("i", "s", "a1")
    await store.release(account, until=await store.now() + 3600)
    assert await store.find("ann") == await store.find_subject("i", "s") == ""
    assert await store.register(Account(id="a2", nick="Ann", folded="ann")) == "registered"
    await store.release(account)
    assert await store.register(Account(id="a2", nick="Ann", folded="ann")) == "ok"
    await store.purge("a1")
    await store.purge("a2")
    assert redis_server.keys() == ["test:{nicks}:accounts"]


async def test_the_reserved_nicknames_can_be_listed(store: AccountStore) -> None:
    for number in range(1_200):
        assert await store.reservations.reserve(f"n{number}", f"a{number}") == "ok"
    found = dict([each async for each in store.reservations.all()])
    assert found == {f"n{number}": f"a{number}" for number in range(1_200)}
    assert not await store.reservations.unreserve("n1", "a2")


async def test_many_are_read_together_and_those_that_are_gone_are_left_out(
    store: AccountStore,
) -> None:
    await store.register(ANN)
    assert [each.nick for each in await store.read_many(["a0", "a1", "a2"])] == ["Ann"]
    assert await store.read_many([]) == []


async def test_a_corrupted_account_is_refused(
    store: AccountStore, redis_server: RedisServer
) -> None:
    await store.register(ANN)
    redis_server.ask("HSET", "test:{account:a1}:meta", "created", "soon")
    with pytest.raises(Refused):
        await store.read("a1")
