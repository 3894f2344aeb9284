"""A room knows which of its members are devices of one account, whatever Redis has lost."""

from __future__ import annotations

from functools import partial
from typing import Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from gateway.auth.identity import account_of
from gateway.backplane import Change, member_line, read_change
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.redis.link import Link
from gateway.backplane.rooms import RoomStore
from gateway.policy.retention import DAY, Retention
from tests.backplane.conftest import LOG_BYTES, Node
from tests.backplane.machine import RedisMachine, run_machine
from tests.backplane.sayings import keys_of, say, ttl
from tests.redis_server import RedisServer

ALICE, BOB = "a" * 16, "b" * 16
PHONE, DESK, TABLET = (f"{ALICE}.{device * 12}.x-_{device}" for device in "123")
BOBS: Final = tuple(f"{BOB}.{device * 12}.y" for device in "12")
SESSIONS: Final = (PHONE, DESK, TABLET, *BOBS, "guest", "Guest-_2")
KEYS: Final = keys_of("lobby")


def recorded(server: RedisServer) -> tuple[dict[str, set[str]], str | None]:
    """Return the sessions of each account in the lobby, and the number of doubles."""
    accounts = server.ask("HGETALL", KEYS.accounts)
    doubles = server.ask("HGET", KEYS.meta, "doubles")
    return {account: set(sids.split(" ")) for account, sids in accounts.items()}, doubles


async def join(node: Node, *sessions: str, line: str = "Alice +online ") -> None:
    for session in sessions:
        await node.rooms.join("lobby", session, line, term=1)


async def members(node: Node) -> dict[str, str] | None:
    snapshot = await node.rooms.snapshot("lobby", after=None, limit=1, known_version=-1)
    return snapshot.members


# --- which sessions are of one account ------------------------------------------------------------


async def test_the_sessions_of_accounts_are_recorded_until_the_last_leaves(
    node: Node, redis_server: RedisServer
) -> None:
    await join(node, PHONE, DESK, PHONE, BOBS[0], "guest")
    assert recorded(redis_server) == ({ALICE: {PHONE, DESK}, BOB: {BOBS[0]}}, "1")
    await node.rooms.leave("lobby", {PHONE: 1, BOBS[0]: 1})
    await node.rooms.leave("lobby", {PHONE: 1, BOBS[1]: 1})
    assert recorded(redis_server) == ({ALICE: {DESK}}, "0")
    await node.rooms.leave("lobby", {DESK: 1})
    assert recorded(redis_server) == ({}, None)
    assert await members(node) == {"guest": "Alice +online "}


async def test_rooms_are_listed_with_their_people(node: Node) -> None:
    await join(node, PHONE, DESK, TABLET, *BOBS, "guest")
    await node.rooms.register("lobby")
    await node.rooms.count("lobby")
    assert await node.rooms.listing(10) == [("lobby", 3)]


@pytest.mark.parametrize("doubles", ["9", "9" * 5000, "-1", "x", ""])
async def test_a_wrong_number_of_doubles_hides_no_room(
    node: Node, redis_server: RedisServer, doubles: str
) -> None:
    await join(node, PHONE, DESK)
    redis_server.ask("HSET", KEYS.meta, "doubles", doubles)
    await node.rooms.register("lobby")
    [(_, people)] = await node.rooms.listing(10)
    assert 1 <= people <= 2


async def test_a_room_left_by_all_devices_keeps_nothing_of_them(
    node: Node, redis_server: RedisServer
) -> None:
    await join(node, PHONE, DESK)
    await say(node, "hello", session=PHONE)
    await node.rooms.leave("lobby", {PHONE: 1, DESK: 1})
    assert recorded(redis_server) == ({}, None)
    assert -1 not in ttl(redis_server, "lobby")
    await join(node, TABLET)
    assert recorded(redis_server) == ({ALICE: {TABLET}}, "0")
    assert ttl(redis_server, "lobby") == {-1}


async def test_a_node_that_died_leaves_no_device_behind(
    node: Node, redis_server: RedisServer
) -> None:
    await join(node, PHONE, DESK)
    await node.rooms.register("lobby")
    await node.rooms.release_node("n1")
    assert redis_server.ask("EXISTS", *KEYS.all()) == 0


# --- one change for a person ----------------------------------------------------------------------


async def test_a_person_is_renamed_on_all_devices_under_one_version(node: Node) -> None:
    await join(node, PHONE, line="Alice +busy at /work")
    await join(node, DESK, line="Alice +idle at /work")
    await join(node, "guest", line="Bob")
    await node.listen("lobby")
    assert await node.rooms.people.change("lobby", ALICE, nick="Älice") == 2
    [change] = await node.hear(1)
    lines = {PHONE: "Älice +busy at /work", DESK: "Älice +idle at /work"}
    assert read_change(change) == Change(4, here=lines)
    assert await members(node) == {**lines, "guest": "Bob"}
    assert await node.rooms.people.change("lobby", ALICE, nick="Älice") == 0
    await node.hear_no_more()


async def test_a_chosen_status_leaves_an_idle_device_idle(node: Node) -> None:
    await join(node, PHONE, line="Alice +away ")
    await join(node, DESK, line="Alice +idle ")
    await node.listen("lobby")
    said = '"so"  {\\}'
    assert await node.rooms.people.change("lobby", ALICE, status=("busy", said)) == 2
    [change] = await node.hear(1)
    lines = {PHONE: f"Alice +busy {said}", DESK: f"Alice +idle {said}"}
    assert read_change(change) == Change(3, here=lines)
    assert [member_line.read(line).text for line in lines.values()] == [said, said]
    assert await node.rooms.people.change("lobby", ALICE, status=("busy", said)) == 0
    assert await node.rooms.people.change("lobby", ALICE, status=("online", "")) == 2
    assert await members(node) == {PHONE: "Alice +online ", DESK: "Alice +idle "}


async def test_a_change_keeps_where_each_session_is(node: Node) -> None:
    await node.rooms.join("lobby", PHONE, "Alice +online ", term=7)
    await node.rooms.people.change("lobby", ALICE, nick="Alicia", status=("away", ""))
    assert await node.rooms.members_by_node("lobby") == {"n1": {PHONE: 7}}
    assert await members(node) == {PHONE: "Alicia +away "}


async def test_whoever_is_not_there_is_not_changed(node: Node, redis_server: RedisServer) -> None:
    assert await node.rooms.people.change("lobby", ALICE, nick="Alicia") == 0
    assert redis_server.keys() == []
    await join(node, BOBS[0])
    redis_server.ask("HSET", KEYS.accounts, ALICE, PHONE)
    assert await node.rooms.people.change("lobby", ALICE, nick="Alicia") == 0
    assert await members(node) == {BOBS[0]: "Alice +online "}


# --- whatever Redis has lost ----------------------------------------------------------------------


class AnyHistory(RedisMachine):
    """Sessions that come and go, while Redis loses keys or goes back to what it was before.

    What is recorded of accounts is right as long as Redis has lost nothing, and again once a
    session of an account has come.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ask("FLUSHALL")
        self.rooms = RoomStore(
            self.link, namespace="test", scope="test@0", incarnation=Incarnation("n1"),
            retention=Retention(messages=10, registered_seconds=DAY, log_bytes=LOG_BYTES),
        )  # fmt: skip
        self.present: set[str] = set()
        self.is_whole = True
        self.saved: tuple[dict[str, dict[str, str]], set[str], bool] | None = None

    @rule(session=st.sampled_from(SESSIONS), status=st.sampled_from(["+online", "+idle"]))
    def join(self, session: str, status: str) -> None:
        self.do(partial(self.rooms.join, "lobby", session, f"Nick {status} ", term=1))
        self.present.add(session)
        if account_of(session):
            self.is_whole = True

    @rule(sessions=st.sets(st.sampled_from(SESSIONS), min_size=1, max_size=4))
    def leave(self, sessions: set[str]) -> None:
        gone = self.do(self.rooms.leave, "lobby", dict.fromkeys(sorted(sessions), 1))
        assert gone == len(self.present & sessions)
        self.present -= sessions
        self.is_whole = self.is_whole or not self.present

    @rule()
    def collect(self) -> None:
        assert self.do(self.rooms.leave, "lobby", {}) == 0
        self.is_whole = self.is_whole or not self.present

    @precondition(lambda self: self.is_whole)
    @rule(nick=st.sampled_from(["Nick", "Other"]), account=st.sampled_from([ALICE, BOB]))
    def rename(self, nick: str, account: str) -> None:
        there = {session for session in self.present if account_of(session) == account}
        before = self.ask("HGETALL", KEYS.members)
        changed = self.do(partial(self.rooms.people.change, "lobby", account, nick=nick))
        after = self.ask("HGETALL", KEYS.members)
        assert changed == len(before.items() - after.items())
        assert {sid for sid in there if after[sid].split(" ")[2] != nick} == set()

    @precondition(lambda self: self.present)
    @rule(keys=st.sets(st.sampled_from(["meta", "accounts", "members"]), min_size=1))
    def lose(self, keys: set[str]) -> None:
        """Evict keys, or delete them by hand."""
        for key in sorted(keys):
            self.ask("DEL", getattr(KEYS, key))
        self.is_whole = False
        if "members" in keys:
            self.present.clear()

    @rule()
    def save(self) -> None:
        there = {key: self.ask("HGETALL", key) for key in KEYS.all() if self.ask("EXISTS", key)}
        self.saved = there, set(self.present), self.is_whole

    @precondition(lambda self: self.saved)
    @rule()
    def go_back(self) -> None:
        """Fail over to a replica that was behind."""
        assert self.saved is not None
        there, present, self.is_whole = self.saved
        self.present = set(present)
        self.ask("DEL", *KEYS.all())
        for key, fields in there.items():
            self.ask("HSET", key, *(part for field in fields.items() for part in field))

    @invariant()
    def everybody_is_there(self) -> None:
        assert set(self.ask("HKEYS", KEYS.members)) == self.present

    @invariant()
    def people_are_counted(self) -> None:
        people = {account_of(session) or session for session in self.present}
        if self.is_whole:
            accounts = self.ask("HGETALL", KEYS.accounts)
            found = {account: set(sids.split(" ")) for account, sids in accounts.items()}
            assert set().union(*found.values()) == {s for s in self.present if account_of(s)}
            assert all(account_of(s) == account for account, sids in found.items() for s in sids)
            doubles = int(self.ask("HGET", KEYS.meta, "doubles") or 0)
            assert len(self.present) - doubles == len(people)


async def test_any_history(link: Link, redis_server: RedisServer) -> None:
    await run_machine(AnyHistory, link, redis_server, examples=150, steps=30)
