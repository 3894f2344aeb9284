"""Revocations: published first, then written; and carried out again if a failover undid them."""

from __future__ import annotations

from typing import Final

import pytest

from gateway.auth.device_tokens import DeviceRecord
from gateway.backplane.account_events import RevokedEvent, decode_event
from gateway.backplane.account_keys import account_channel
from gateway.backplane.accounts import ACTIVE, DELETED, DISABLED, Account, NoSuchAccount
from gateway.backplane.revocations import RecentRevocations
from tests.backplane.conftest import Node
from tests.redis_server import RedisServer

PHONE: Final = DeviceRecord("phone")


@pytest.fixture
async def owner(node: Node) -> Node:
    """A node with an account of three devices, on whose channel it listens."""
    assert (
        await node.backplane.accounts.register(Account(id="a1", nick="Ann", folded="ann")) == "ok"
    )
    for device in ("d1", "d2", "d3"):
        await node.backplane.devices.add("a1", device, PHONE)
    assert await node.subscription.subscribe(account_channel("test@0", "a1"))
    return node


async def heard(node: Node) -> list[object]:
    return [decode_event(payload[1:]) for payload in await node.hear(1)]


async def state_of(node: Node) -> str:
    found = await node.backplane.accounts.read("a1")
    assert found is not None
    return found.state


async def test_devices_are_signed_out_and_the_nodes_hear_of_it(owner: Node) -> None:
    revoker, devices = owner.backplane.revoker, owner.backplane.devices
    assert await revoker.revoke("a1", ["d2"]) == ["d2"]
    assert await heard(owner) == [RevokedEvent(devices=["d2"])]
    assert await revoker.revoke_others("a1", "d1") == ["d3"]
    assert await heard(owner) == [RevokedEvent(devices=["d3"])]
    assert await revoker.revoke_others("a1", "d1") == []
    await owner.hear_no_more()
    assert list(await devices.of("a1")) == ["d1"]


async def test_an_account_is_disabled_enabled_and_deleted(owner: Node) -> None:
    revoker = owner.backplane.revoker
    await revoker.disable("a1")
    assert await heard(owner) == [RevokedEvent(code="disabled", version=2)]
    assert await state_of(owner) == DISABLED
    await revoker.enable("a1")
    assert await state_of(owner) == ACTIVE
    assert len(await owner.backplane.devices.of("a1")) == 3
    for _ in range(2):
        await revoker.delete("a1")
        assert await heard(owner) == [RevokedEvent(code="deleted", version=4)]
    assert await state_of(owner) == DELETED
    assert await owner.backplane.devices.of("a1") == {}
    assert await owner.backplane.accounts.find("ann") == ""
    for account in ("a1", "nobody"):
        with pytest.raises(NoSuchAccount):
            await revoker.disable(account)
    assert await state_of(owner) == DELETED


async def test_what_a_failover_undid_is_done_again(owner: Node, redis_server: RedisServer) -> None:
    revoker, recent = owner.backplane.revoker, RecentRevocations()
    stored = {name: redis_server.ask("HGETALL", f"test:{{account:a1}}:{name}")
              for name in ("meta", "devices")}  # fmt: skip
    await revoker.revoke("a1", ["d2"])
    await revoker.disable("a1")
    for payload in await owner.hear(2):
        event = decode_event(payload[1:])
        assert isinstance(event, RevokedEvent)
        recent.add("a1", event, 0)
    assert await revoker.apply_again(recent.current(1)) == 0, "nothing was undone"
    for name, fields in stored.items():
        flat = [part for each in fields.items() for part in each]
        redis_server.ask("HSET", f"test:{{account:a1}}:{name}", *flat)
    await owner.backplane.devices.add("a1", "d4", PHONE)
    assert await revoker.apply_again(recent.current(1)) == 2
    assert await state_of(owner) == DISABLED
    assert set(await owner.backplane.devices.of("a1")) == {"d1", "d3", "d4"}
    assert await revoker.apply_again(recent.current(1)) == 0


async def test_who_was_let_in_again_is_not_kept_out_again(owner: Node) -> None:
    revoker, recent = owner.backplane.revoker, RecentRevocations()
    await revoker.disable("a1")
    [event] = await heard(owner)
    assert isinstance(event, RevokedEvent)
    recent.add("a1", event, 0)
    await revoker.enable("a1")
    assert await revoker.apply_again(recent.current(1)) == 0
    assert await state_of(owner) == ACTIVE
