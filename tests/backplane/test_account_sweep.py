"""What is stored of accounts that have no nickname is deleted, in time."""

from __future__ import annotations

from typing import Final

import pytest

from gateway.auth.device_tokens import DeviceRecord
from gateway.backplane.accounts import Account
from gateway.cluster.collector import Collector
from tests.backplane.conftest import Node
from tests.redis_server import RedisServer

ANN: Final = Account(id="a1", nick="Ann", folded="ann")
NOW: Final = "gateway.cluster.account_sweep.NAMELESS_SECONDS"


@pytest.fixture
async def registered(node: Node) -> Node:
    """A node, with an account that has everything."""
    assert await node.backplane.accounts.register(ANN, {"d1": DeviceRecord("phone")}) == "ok"
    await node.backplane.account_rooms.add_room("a1", "lobby", "lobby")
    await node.backplane.account_rooms.read_room("a1", "lobby", 1)
    return node


def keys_of_accounts(server: RedisServer) -> set[str]:
    return set(server.ask("KEYS", "*{account:*"))


async def test_an_account_that_has_its_nickname_stays(
    registered: Node, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NOW, 0.0)
    before = redis_server.keys()
    for _ in range(3):
        await Collector(registered.backplane, []).collect()
    assert redis_server.keys() == before
    assert len(before) == 5


@pytest.mark.parametrize("reserved", [0, 3600])
async def test_a_deleted_account_is_deleted_with_all_that_it_had(
    registered: Node, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, reserved: int
) -> None:
    await registered.backplane.revoker.delete("a1", nick_reserved=reserved)
    collector = Collector(registered.backplane, [])
    for _ in range(3):
        await collector.collect()
    assert redis_server.ask("EXISTS", "test:{account:a1}:meta"), "not before its time"
    monkeypatch.setattr(NOW, 0.0)
    await collector.collect()
    assert keys_of_accounts(redis_server) == set()


async def test_a_registration_that_was_broken_off_leaves_nothing(
    registered: Node, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis_server.ask("HSET", "test:{account:a2}:meta", "folded", "ann", "nick", "Ann")
    redis_server.ask("HSET", "test:{account:a3}:rooms", "lobby", "lobby")
    monkeypatch.setattr(NOW, 0.0)
    await Collector(registered.backplane, []).collect()
    assert keys_of_accounts(redis_server) == {
        f"test:{{account:a1}}:{part}" for part in ("meta", "devices", "rooms", "read")
    }


async def test_a_deletion_that_was_broken_off_is_completed(
    registered: Node, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = registered.backplane.accounts
    await accounts.set_state("a1", "deleted")
    assert await accounts.find("ann") == "a1"
    monkeypatch.setattr(NOW, 0.0)
    await Collector(registered.backplane, []).collect()
    assert keys_of_accounts(redis_server) == set()
    assert await accounts.find("ann") == ""
    account, until = redis_server.ask("HGET", "test:{nicks}:accounts", "ann").split()
    assert account == "a1"
    assert int(until) > await accounts.now()
