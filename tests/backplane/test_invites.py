"""Invitations, and the counters of failed attempts to sign in."""

from __future__ import annotations

import pytest
import trio

from gateway.backplane.guesses import GuessCounter, Guesses
from gateway.backplane.invites import Invite, InviteStore
from gateway.backplane.redis.link import Link
from gateway.policy.guessing import ACCOUNT, ADDRESS
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


def failures(known: Guesses) -> tuple[int, int]:
    return known.account.failures, known.address.failures


async def fail(guesses: GuessCounter, nick: str, address: str | None) -> bool:
    return await guesses.attempt(nick, address, await guesses.read(nick, address))


async def test_failures_are_counted_by_nickname_and_by_address(guesses: GuessCounter) -> None:
    assert failures(await guesses.read("ann", "192.0.2.1")) == (0, 0)
    assert await fail(guesses, "ann", "192.0.2.1")
    assert await fail(guesses, "ann", "192.0.2.2")
    assert await fail(guesses, "bob", "192.0.2.1")
    assert failures(await guesses.read("ann", "192.0.2.1")) == (2, 2)
    await guesses.succeeded("ann", "192.0.2.1")
    assert failures(await guesses.read("ann", "192.0.2.1")) == (0, 1)


async def test_of_attempts_at_the_same_time_only_one_may_be_made(guesses: GuessCounter) -> None:
    known = await guesses.read("ann", "192.0.2.1")
    allowed = [await guesses.attempt("ann", "192.0.2.1", known) for _ in range(5)]
    assert allowed == [True, False, False, False, False]
    assert failures(await guesses.read("ann", "192.0.2.1")) == (1, 1)


async def test_an_exempt_address_is_not_counted(
    guesses: GuessCounter, redis_server: RedisServer
) -> None:
    assert await fail(guesses, "ann", None)
    assert failures(await guesses.read("ann", None)) == (1, 0)
    assert len(redis_server.keys()) == 1
    await guesses.succeeded("ann", None)
    assert redis_server.keys() == []


async def test_every_counter_expires_and_its_name_is_bounded(
    guesses: GuessCounter, redis_server: RedisServer
) -> None:
    await fail(guesses, "n" * 5_000, "i" * 5_000)
    keys = redis_server.keys()
    assert len(keys) == 2
    for key in keys:
        assert len(key) < 120
    known = await guesses.read("n" * 5_000, "i" * 5_000)
    assert ACCOUNT.kept - 60 < known.account.expires_in <= ACCOUNT.kept
    assert ADDRESS.kept - 60 < known.address.expires_in <= ADDRESS.kept
