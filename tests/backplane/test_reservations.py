"""A nickname is reserved for an account, whether or not its owner is there."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from gateway.backplane import NO_TERM, NickTaken
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.nicks import NickRegistry
from gateway.backplane.redis.link import Link
from gateway.backplane.reservations import NickReservations
from gateway.policy.nicknames import fold
from tests.backplane.conftest import Node, NodeRegistry
from tests.backplane.machine import RedisMachine, run_machine
from tests.redis_server import RedisServer

ALICE, BOB = "a" * 16, "b" * 16
PHONE, DESK = f"{ALICE}.{'1' * 12}.x", f"{ALICE}.{'2' * 12}.y"
NICKS = ("ann", "ben", "eve")
"""Folded already."""
GUESTS = ("s1", "s2", "s3")
RESERVED = "test:{nicks}:accounts"
LONG_PAST, FAR_OFF = 1, 99_999_999_999


@pytest.fixture
def reservations(node: Node) -> NickReservations:
    return NickReservations(node.link, namespace="test")


async def refused(node: Node, nick: str, session: str, *variants: str) -> NickTaken:
    with pytest.raises(NickTaken) as caught:
        await node.nicks.claim(nick, session, variants=lambda _: variants)
    return caught.value


async def add_account(node: Node, account: str, nick: str, state: str = "active") -> None:
    await node.link.call("HSET", f"test:{{account:{account}}}:meta", "nick", nick, "state", state)


# --- guests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("same", ["Alice", "ALICE", "A1ice"])
async def test_a_guest_does_not_get_what_looks_like_a_reserved_nickname(
    node: Node, reservations: NickReservations, same: str
) -> None:
    assert await reservations.reserve(fold("Alice"), ALICE) == "ok"
    found = await refused(node, same, "guest")
    assert (found.registered, found.free_variant) == (True, None)
    await node.nicks.claim("Carol", "guest")
    assert (await refused(node, same, "guest")).registered
    assert await node.nicks.owner("carol") == ("guest", "n1", "Carol"), "it keeps what it had"


async def test_a_reserved_variant_is_not_offered(
    node: Node, reservations: NickReservations
) -> None:
    await reservations.reserve(fold("Alice_"), BOB)
    await node.nicks.claim("Alice", "s1")
    await node.nicks.claim("Alice2", "s2")
    found = await refused(node, "Alice", "s3", "Alice_", "Alice2", "Alice3", "Alice4")
    assert (found.registered, found.free_variant) == (False, "Alice3")
    await reservations.reserve(fold("Carol"), ALICE)
    found = await refused(node, "Carol", "s3", "Alice_", "Carol2", "Carol3")
    assert (found.registered, found.free_variant) == (True, "Carol2")
    assert (await refused(node, "Carol", "s3", "Alice_", "Alice2")).free_variant is None


# --- sessions of accounts -------------------------------------------------------------------------


async def test_every_device_has_the_nickname_of_its_account(
    nodes: NodeRegistry, redis_server: RedisServer
) -> None:
    one, two = await nodes.open("n1"), await nodes.open("n2")
    await one.nicks.claim("Alice +online ", PHONE)
    term = await two.nicks.claim("Alice +online ", DESK)
    assert await two.nicks.claim("Alicia +away ", DESK, term=term) == term
    assert set(redis_server.ask("HGETALL", "test:{nicks}")) == {f"@{PHONE}", f"@{DESK}"}
    assert await one.nicks.astray({PHONE: "Alice", "lost": "Bob"}) == {"lost": True}
    assert await one.nicks.astray({DESK: "Alicia"}) == {DESK: False}
    resumed = await one.nicks.resume(DESK)
    assert resumed is not None
    assert resumed.line == "Alicia +away "
    assert sorted((await one.nicks.holdings())["n1"]) == [PHONE, DESK]
    assert await one.nicks.release({PHONE: NO_TERM}) == [PHONE]
    assert await two.nicks.release_node("n1") == [DESK]
    assert redis_server.keys() == []


# --- who owns a nickname --------------------------------------------------------------------------


async def test_the_owner_of_a_reserved_nickname_is_the_account_there_or_not(
    node: Node, reservations: NickReservations
) -> None:
    await reservations.reserve(fold("Alice"), ALICE)
    assert await node.nicks.owner("alice") is None, "Redis has lost the account"
    assert not await node.nicks.has(ALICE)
    await add_account(node, ALICE, "Alice")
    for nick in ("Alice", "aLICE"):
        assert await node.nicks.owner(nick) == (ALICE, "", "Alice")
    assert await node.nicks.has(ALICE)
    await add_account(node, ALICE, "Alice", "disabled")
    assert await node.nicks.owner("alice") is not None
    await add_account(node, ALICE, "Alice", "deleted")
    assert await node.nicks.owner("alice") is None
    assert not await node.nicks.has(ALICE)


async def test_a_session_is_there_or_not_as_before(node: Node) -> None:
    await node.nicks.claim("Bob", "s1")
    await node.nicks.claim("Alice +online ", PHONE)
    assert [await node.nicks.has(sid) for sid in ("s1", PHONE, DESK, "s2")] == [
        True, True, False, False,
    ]  # fmt: skip


# --- reserving and freeing ------------------------------------------------------------------------


async def test_what_a_guest_or_another_account_has_is_not_reserved(
    node: Node, reservations: NickReservations, redis_server: RedisServer
) -> None:
    await node.nicks.claim("Carol", "guest")
    await node.nicks.claim("Dave", "other")
    assert await reservations.reserve(fold("Carol"), ALICE) == "in use"
    assert await reservations.reserve(fold("Carol"), ALICE, session="other") == "in use"
    assert await reservations.reserve(fold("Alice"), ALICE) == "ok"
    assert await reservations.reserve(fold("Alice"), ALICE) == "ok"
    assert await reservations.reserve(fold("Alice"), BOB) == "registered"
    assert redis_server.ask("HGETALL", RESERVED) == {fold("Alice"): ALICE}
    assert await node.nicks.sessions_among(["guest", "other"]) == {"guest", "other"}


async def test_a_guest_who_registers_becomes_the_account_in_one_step(
    node: Node, reservations: NickReservations, redis_server: RedisServer
) -> None:
    await node.nicks.claim("Alice", "guest")
    for _ in range(2):
        assert await reservations.reserve(fold("Alice"), ALICE, session="guest") == "ok"
    assert not await node.nicks.has("guest")
    assert redis_server.keys() == [RESERVED]
    assert await node.nicks.release({"guest": NO_TERM}) == []
    assert (await refused(node, "Alice", "guest")).registered


async def test_a_guest_who_registers_under_another_nickname_is_ended_by_its_node(
    node: Node, reservations: NickReservations
) -> None:
    await node.nicks.claim("Guest7", "guest")
    assert await reservations.reserve(fold("Alice"), ALICE, session="guest") == "ok"
    assert await node.nicks.has("guest")


async def test_a_rename_reserves_the_one_and_frees_the_other(
    node: Node, reservations: NickReservations
) -> None:
    await reservations.reserve(fold("Alice"), ALICE)
    await reservations.reserve(fold("Bob"), BOB)
    await node.nicks.claim("Carol", "guest")
    assert await reservations.rename(fold("Alice"), fold("Bob"), ALICE) == "registered"
    assert await reservations.rename(fold("Alice"), fold("Carol"), ALICE) == "in use"
    assert await reservations.account_of(fold("Alice")) == ALICE
    for _ in range(2):
        assert await reservations.rename(fold("Alice"), fold("Alix"), ALICE) == "ok"
    assert await reservations.rename(fold("Alix"), fold("ALIX"), ALICE) == "ok"
    assert {pair async for pair in reservations.all()} == {
        (fold("Alix"), ALICE),
        (fold("Bob"), BOB),
    }
    await reservations.reserve(fold("Alice"), BOB)
    assert await reservations.rename(fold("Alice"), fold("Alix"), ALICE) == "ok"
    assert await reservations.account_of(fold("Alice")) == BOB, "it is another's by now"


async def test_only_its_own_reservation_is_freed(
    node: Node, reservations: NickReservations
) -> None:
    await reservations.reserve(fold("Alice"), ALICE)
    assert not await reservations.unreserve(fold("Alice"), BOB)
    assert await reservations.unreserve(fold("Alice"), ALICE)
    assert not await reservations.unreserve(fold("Alice"), ALICE)
    await node.nicks.claim("Alice", "guest")


async def test_the_nickname_of_a_deleted_account_is_free_after_a_time(
    node: Node, reservations: NickReservations, redis_server: RedisServer
) -> None:
    await add_account(node, ALICE, "Alice")
    await reservations.reserve(fold("Alice"), ALICE)
    assert await reservations.unreserve(fold("Alice"), ALICE, until=FAR_OFF)
    assert (await refused(node, "Alice", "guest")).registered
    assert await reservations.reserve(fold("Alice"), BOB) == "registered"
    assert await node.nicks.owner("alice") is None
    assert await reservations.account_of(fold("Alice")) == ""
    assert [pair async for pair in reservations.all()] == []
    assert await reservations.unreserve(fold("Alice"), ALICE, until=LONG_PAST)
    await node.nicks.claim("Alice", "guest")
    assert await node.nicks.owner("alice") == ("guest", "n1", "Alice")
    assert not redis_server.ask("EXISTS", RESERVED)


async def test_once_it_is_free_another_account_may_have_it(reservations: NickReservations) -> None:
    await reservations.reserve(fold("Alice"), ALICE)
    await reservations.unreserve(fold("Alice"), ALICE, until=LONG_PAST)
    assert await reservations.reserve(fold("Alice"), BOB) == "ok"
    assert await reservations.account_of(fold("Alice")) == BOB


# --- whatever happens -----------------------------------------------------------------------------


class AnyHistory(RedisMachine):
    """Guests and accounts that want the same few nicknames.

    The model is who has each: the account that it is reserved for, or a guest.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ask("FLUSHALL")
        self.nicks = NickRegistry(
            self.link, namespace="test", scope="test@0", incarnation=Incarnation("n1")
        )
        self.reservations = NickReservations(self.link, namespace="test")
        self.reserved: dict[str, str] = {}
        self.owned: dict[str, str] = {}

    @rule(nick=st.sampled_from(NICKS), guest=st.sampled_from(GUESTS))
    def claim(self, nick: str, guest: str) -> None:
        try:
            self.do(partial(self.nicks.claim, nick, guest, variants=lambda _: NICKS))
        except NickTaken as taken:
            assert taken.registered == (nick in self.reserved)
            assert taken.registered or self.owned[nick] != guest
            free = [each for each in NICKS if each not in {*self.reserved, *self.owned}]
            assert taken.free_variant == (free[0] if free else None)
        else:
            assert nick not in self.reserved
            assert self.owned.get(nick, guest) == guest
            self.owned = {k: s for k, s in self.owned.items() if s != guest} | {nick: guest}

    @rule(guest=st.sampled_from(GUESTS))
    def release(self, guest: str) -> None:
        ended = self.do(self.nicks.release, {guest: NO_TERM})
        assert ended == [session for session in self.owned.values() if session == guest]
        self.owned = {nick: session for nick, session in self.owned.items() if session != guest}

    @rule(
        nick=st.sampled_from(NICKS),
        account=st.sampled_from([ALICE, BOB]),
        guest=st.sampled_from(["", *GUESTS]),
    )
    def register(self, nick: str, account: str, guest: str) -> None:
        answer = self.do(partial(self.reservations.reserve, nick, account, session=guest))
        assert answer == self.expected(nick, account, guest)
        if answer == "ok":
            self.reserved[nick] = account
            self.owned.pop(nick, None)

    @rule(
        before=st.sampled_from(NICKS),
        nick=st.sampled_from(NICKS),
        account=st.sampled_from([ALICE, BOB]),
    )
    def rename(self, before: str, nick: str, account: str) -> None:
        answer = self.do(self.reservations.rename, before, nick, account)
        assert answer == self.expected(nick, account)
        if answer == "ok":
            if self.reserved.get(before) == account:
                del self.reserved[before]
            self.reserved[nick] = account

    @rule(
        nick=st.sampled_from(NICKS),
        account=st.sampled_from([ALICE, BOB]),
        until=st.sampled_from([None, LONG_PAST]),
    )
    def unreserve(self, nick: str, account: str, until: int | None) -> None:
        freed = self.do(partial(self.reservations.unreserve, nick, account, until=until))
        assert freed == (self.reserved.get(nick) == account)
        if freed:
            del self.reserved[nick]

    def expected(self, nick: str, account: str, guest: str = "") -> str:
        if self.reserved.get(nick, account) != account:
            return "registered"
        return "ok" if self.owned.get(nick, guest) == guest else "in use"

    @invariant()
    def every_nickname_has_one_owner(self) -> None:
        owners = self.ask("HGETALL", "test:{nicks}")
        assert {nick: owner.split(" ")[0] for nick, owner in owners.items()} == self.owned
        assert self.owned.keys().isdisjoint(self.reserved)
        sessions = self.ask("HGETALL", "test:{nicks}:sessions")
        assert sessions == {session: nick for nick, session in self.owned.items()}
        assert set(self.ask("HKEYS", "test:{nicks}:began")) == sessions.keys()
        for nick in NICKS:
            assert self.do(self.reservations.account_of, nick) == self.reserved.get(nick, "")


async def test_any_history(link: Link, redis_server: RedisServer) -> None:
    await run_machine(AnyHistory, link, redis_server, examples=100, steps=30)
