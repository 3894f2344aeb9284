"""Invitations, and the counters of failed attempts to sign in."""

from __future__ import annotations

import pytest
import trio

from gateway.backplane.guesses import FORGOTTEN_SECONDS, GuessCounter
from gateway.backplane.invites import Invite, InviteStore
from gateway.backplane.redis.link import Link
from tests.redis_server import RedisServer


@pytest.fixture
def invites(link: Link) -> InviteStore:
    return InviteStore(link, namespace="test")


@pytest.fixture
def guesses(link: Link) -> GuessCounter:
    return GuessCounter(link, namespace="test")


async def test_an_invitation_is_used_as_often_as_it_says(invites: InviteStore) -> None:
    await invites.create(Invite("k1", 3, note="for the team"))
    answers = []

    async def use() -> None:
        answers.append(await invites.use("k1"))

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(use)
    assert sorted(answers) == ["ok"] * 3 + ["used"] * 7
    await invites.give_back("k1")
    assert [await invites.use("k1"), await invites.use("k1")] == ["ok", "used"]
    assert await invites.all() == [Invite("k1", 0, note="for the team")]


async def test_a_wrong_an_expired_and_a_revoked_invitation(
    invites: InviteStore, redis_server: RedisServer
) -> None:
    now = int(redis_server.ask("TIME")[0])
    await invites.create(Invite("k1", 1, until=now - 1))
    await invites.create(Invite("k2", 1, until=now + 3600))
    answers = [await invites.use(key) for key in ("k0", "k1", "k2")]
    assert answers == ["wrong", "expired", "ok"]
    assert await invites.revoke("k2")
    assert not await invites.revoke("k2")
    await invites.give_back("k2")
    assert await invites.use("k2") == "wrong"
    assert [invite.key for invite in await invites.all()] == ["k1"]


async def test_failures_are_counted_by_nickname_and_by_address(guesses: GuessCounter) -> None:
    assert await guesses.read("ann", "192.0.2.1") == (0, 0)
    assert await guesses.count("ann", "192.0.2.1") == (1, 1)
    assert await guesses.count("ann", "192.0.2.2") == (2, 1)
    assert await guesses.count("bob", "192.0.2.1") == (1, 2)
    assert await guesses.read("ann", "192.0.2.1") == (2, 2)
    await guesses.forget("ann")
    assert await guesses.read("ann", "192.0.2.1") == (0, 2)


async def test_every_counter_expires_and_its_name_is_bounded(
    guesses: GuessCounter, redis_server: RedisServer
) -> None:
    await guesses.count("n" * 5_000, "i" * 5_000)
    keys = redis_server.keys()
    assert len(keys) == 2
    for key in keys:
        assert len(key) < 120
        assert 0 < redis_server.ask("PTTL", key) <= FORGOTTEN_SECONDS * 1000
