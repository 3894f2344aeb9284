"""What comes late for a session that goes on elsewhere by now changes nothing of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    invariant,
    precondition,
    rule,
)

from gateway.backplane import NO_TERM, Change, Outdated, Owner, Replaced, read_change
from gateway.backplane.inboxes import InboxStore
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.nicks import NickRegistry
from gateway.backplane.nodes import NodeRegistry
from gateway.backplane.redis.link import Link
from gateway.backplane.rooms import RoomStore
from gateway.policy.nicknames import fold
from gateway.policy.retention import Retention
from tests.backplane import conftest
from tests.backplane.machine import RedisMachine, run_machine
from tests.backplane.sayings import tail
from tests.redis_server import RedisServer

SESSION: Final = "s1"
ROOMS: Final = ("lobby", "cafe")
MEMBERS: Final = "test:{room:lobby}:members"


async def taken_up(node: conftest.Node, session: str = SESSION) -> int:
    """Take a session up that there is; gives the term that begins."""
    found = await node.nicks.resume(session)
    assert found is not None
    return found.term


# --- one by one -----------------------------------------------------------------------------------


async def test_each_term_is_later_than_all_before(
    nodes: conftest.NodeRegistry, redis_server: RedisServer
) -> None:
    one, two = await nodes.open("one"), await nodes.open("two")
    first = await one.nicks.claim("Alice", SESSION)
    assert await one.nicks.claim("Alicia", SESSION, term=first) == first
    terms = [first, *[await taken_up(node) for node in (one, one, two, one)]]
    assert terms == sorted(set(terms))
    # Also than one that is ahead of the clock: that may have been put back.
    redis_server.ask("HSET", "test:{nicks}", fold("Alicia"), f"{SESSION} one {2**50} Alicia")
    assert await taken_up(two) == 2**50 + 1


async def test_whoever_lost_a_session_is_not_entered_and_not_heard(
    nodes: conftest.NodeRegistry, redis_server: RedisServer
) -> None:
    old, new = await nodes.open("old"), await nodes.open("new")
    before = await old.nicks.claim("Alice", SESSION)
    term = await taken_up(new)
    await new.rooms.join("lobby", SESSION, "Alice", term=term)
    await new.backplane.inboxes.move(SESSION, new.nodes.channel, term=term)
    await new.listen("lobby")
    with pytest.raises(Replaced):
        await old.rooms.join("lobby", SESSION, "Alice away ", term=before)
    with pytest.raises(Replaced):
        await old.rooms.publish("lobby", SESSION, "1", tail("hello"), term=before, digest="d")
    bob = Owner("b", "old", "Bob")
    with pytest.raises(Replaced):
        await old.backplane.inboxes.address(SESSION, "1", bob, term=before, digest="d")
    assert await old.rooms.leave("lobby", {SESSION: before}) == 0
    assert await old.nicks.release({SESSION: before}) == []
    await old.backplane.inboxes.move(SESSION, old.nodes.channel, term=before)
    await new.hear_no_more()
    assert redis_server.ask("HGETALL", MEMBERS) == {SESSION: f"new {term} Alice"}
    channel = redis_server.ask("HGET", f"test:{{inbox:{SESSION}}}:meta", "channel")
    assert channel.encode() == new.nodes.channel


async def test_whose_taking_up_redis_has_lost_wins_all_the_same_and_the_other_is_told(
    nodes: conftest.NodeRegistry, redis_server: RedisServer
) -> None:
    old, new = await nodes.open("old"), await nodes.open("new")
    assert await old.subscription.subscribe(old.nodes.channel)
    await old.nicks.claim("Alice", SESSION)
    lost = redis_server.ask("HGETALL", "test:{nicks}")
    term = await taken_up(new)
    assert await old.hear(1) == [f"taken {SESSION}".encode()]
    redis_server.ask("HSET", "test:{nicks}", *lost.popitem())
    assert await new.nicks.claim("Alicia", SESSION, term=term) == term
    assert await old.hear(1) == [f"taken {SESSION}".encode()]
    owned = {fold("Alicia"): f"{SESSION} new {term} Alicia"}
    assert redis_server.ask("HGETALL", "test:{nicks}") == owned


async def test_moving_on_as_who_one_was_is_announced_to_nobody(
    nodes: conftest.NodeRegistry,
) -> None:
    old, new = await nodes.open("old"), await nodes.open("new")
    await new.listen("lobby")
    await old.rooms.join("lobby", SESSION, "Alice", term=1)
    await new.rooms.join("lobby", SESSION, "Alice", term=2)
    await new.rooms.join("lobby", SESSION, "Alicia", term=2)
    assert [read_change(payload) for payload in await new.hear(2)] == [
        Change(1, here={SESSION: "Alice"}),
        Change(2, here={SESSION: "Alicia"}),
    ]


# --- in any order ---------------------------------------------------------------------------------


class Stay(NamedTuple):
    """One node in one term."""

    node: str
    term: int


class Member:
    """A node, with the term in which it believes to have the session."""

    def __init__(self, link: Link, name: str) -> None:
        incarnation = Incarnation(name)
        self.name = name
        self.nicks = NickRegistry(link, namespace="test", scope="test@0", incarnation=incarnation)
        self.channel = NodeRegistry(
            link, namespace="test", scope="test@0", incarnation=incarnation
        ).channel
        self.inboxes = InboxStore(
            link,
            namespace="test",
            scope="test@0",
            incarnation=incarnation,
            retention=Retention(),
        )
        self.rooms = RoomStore(
            link,
            namespace="test",
            scope="test@0",
            incarnation=incarnation,
            retention=Retention(messages=10),
        )
        self.term = NO_TERM


class AnyOrder(RedisMachine):
    """Nodes take one session up and do things for it, which reach Redis late and in any order.

    The model is what Redis must have of the node that took it up last.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ask("FLUSHALL")
        self.members = [Member(self.link, f"n{number}") for number in range(3)]
        self.who = "Alice"
        self.under_way: list[Callable[[], None]] = []
        first = self.members[0]
        first.term = self.do(partial(first.nicks.claim, self.who, SESSION))
        self.winner = Stay(first.name, first.term)
        self.joined: dict[str, str] = {}
        """The rooms that the winner's joins put it into, as who it is there."""
        self.moved = False
        self.seqs = 0

    def attempt(self, stay: Stay, call: Callable[..., Awaitable[Any]]) -> bool:
        """Do something in a term; tells whether it was done, as it must be in the last one."""
        try:
            self.do(call)
        except (Replaced, Outdated):
            assert stay != self.winner
            return False
        return True

    @rule(number=st.integers(0, 2))
    def take_up(self, number: int) -> None:
        member = self.members[number]
        member.term, who, _ = self.do(member.nicks.resume, SESSION)
        assert who == self.who
        assert member.term > self.winner.term
        stay = self.winner = Stay(member.name, member.term)
        self.joined, self.moved = {}, False

        def move() -> None:
            call = partial(member.inboxes.move, SESSION, member.channel, term=stay.term)
            self.do(call)
            self.moved |= stay == self.winner

        self.under_way.append(move)

    @rule(number=st.integers(0, 2), who=st.sampled_from(["Alice", "ALICE away ", "Bob"]))
    def become(self, number: int, who: str) -> None:
        member = self.members[number]
        stay = Stay(member.name, member.term or 1)

        def claim() -> None:
            if self.attempt(stay, partial(member.nicks.claim, who, SESSION, term=stay.term)):
                assert stay == self.winner
                self.who = who

        self.under_way.append(claim)

    @rule(number=st.integers(0, 2), room=st.sampled_from(ROOMS))
    def join(self, number: int, room: str) -> None:
        member, who = self.members[number], self.who
        stay = Stay(member.name, member.term or 1)

        def enter() -> None:
            done = self.attempt(
                stay, partial(member.rooms.join, room, SESSION, who, term=stay.term)
            )
            assert not (done and stay != self.winner and room in self.joined)
            if stay == self.winner:
                self.joined[room] = who

        self.under_way.append(enter)

    @rule(number=st.integers(0, 2), room=st.sampled_from(ROOMS))
    def leave(self, number: int, room: str) -> None:
        member = self.members[number]
        stay = Stay(member.name, member.term or 1)

        def go() -> None:
            gone = self.do(partial(member.rooms.leave, room, {SESSION: stay.term}))
            if stay == self.winner:
                assert gone == 1 or room not in self.joined
                self.joined.pop(room, None)

        self.under_way.append(go)

    @rule(number=st.integers(0, 2), room=st.sampled_from(ROOMS))
    def say(self, number: int, room: str) -> None:
        member = self.members[number]
        stay = Stay(member.name, member.term or 1)
        self.seqs += 1
        said = partial(
            member.rooms.publish,
            room,
            SESSION,
            f"{self.seqs}",
            tail("hi"),
            term=stay.term,
            digest="d",
        )

        def publish() -> None:
            assert not (self.attempt(stay, said) and stay != self.winner and room in self.joined)

        self.under_way.append(publish)

    @rule(number=st.integers(0, 2))
    def write(self, number: int) -> None:
        member = self.members[number]
        stay = Stay(member.name, member.term or 1)
        self.seqs += 1
        bob = Owner("bob", "n1", "Bob")
        note = partial(
            member.inboxes.address, SESSION, f"{self.seqs}", bob, term=stay.term, digest="d"
        )

        def address() -> None:
            assert not (self.attempt(stay, note) and stay != self.winner and self.moved)

        self.under_way.append(address)

    @rule(number=st.integers(0, 2))
    def release(self, number: int) -> None:
        """Release what a node has lost, as after the grace."""
        member = self.members[number]
        stay = Stay(member.name, member.term or 1)

        def give_back() -> None:
            if stay != self.winner:
                assert self.do(member.nicks.release, {SESSION: stay.term}) == []

        self.under_way.append(give_back)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def arrive(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self.under_way) - 1), label="which")
        self.under_way.pop(number)()

    @invariant()
    def the_last_one_has_it(self) -> None:
        node, term = self.winner
        assert self.ask("HVALS", "test:{nicks}") == [f"{SESSION} {node} {term} {self.who}"]
        for room in ROOMS:
            member = self.ask("HGET", f"test:{{room:{room}}}:members", SESSION)
            if room in self.joined:
                assert member == f"{node} {term} {self.joined[room]}"
            else:
                assert member is None or int(member.split(" ")[1]) < term
        if self.moved:
            meta = self.ask("HGETALL", f"test:{{inbox:{SESSION}}}:meta")
            channel = next(m.channel for m in self.members if m.name == node)
            assert (meta["channel"].encode(), meta["term"]) == (channel, str(term))

    def teardown(self) -> None:
        """All arrives, and the nodes that lost it give back what is theirs still."""
        while self.under_way:
            self.under_way.pop()()
        self.the_last_one_has_it()
        for member in self.members:
            last = member.term - (member.term == self.winner.term)
            for room in ROOMS:
                self.do(partial(member.rooms.leave, room, {SESSION: last}))
        self.the_last_one_has_it()
        for room in ROOMS:
            listed = self.ask("HEXISTS", f"test:{{room:{room}}}:members", SESSION)
            assert listed == (room in self.joined)


async def test_any_order(link: Link, redis_server: RedisServer) -> None:
    await run_machine(AnyOrder, link, redis_server, examples=150, steps=40)
