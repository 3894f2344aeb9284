"""Whatever becomes of nodes and of Redis, a nickname has one owner, and in the end none."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import (
    invariant,
    precondition,
    rule,
)

from gateway.backplane import NO_TERM, NickTaken, Outdated, Replaced
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.member_line import nick_of
from gateway.backplane.nicks import NickRegistry
from gateway.backplane.nodes import NodeRegistry
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.scripts import RELEASE
from gateway.backplane.terms import up_to_terms
from gateway.policy.nicknames import fold
from tests.backplane.machine import RedisMachine, run_machine
from tests.redis_server import RedisServer

KEYS: Final = ("test:{nicks}", "test:{nicks}:sessions")
LINES: Final = ("Alice", "ALICE away at lunch", "Bob", "Carol busy", "carol_")
ENOUGH: Final = 2
"""Nicknames that must be owned for the loss of them all to be worth a try."""


class Held(NamedTuple):
    """Who has a nickname, as the model knows it."""

    session: str
    mark: str
    term: int
    who: str

    @property
    def node(self) -> str:
        return self.mark.partition("~")[0]


class Belief(NamedTuple):
    """Who a session is, as a node believes that holds it, and in which term."""

    who: str
    term: int


class Member:
    """A node of the cluster, with the sessions that it believes to hold."""

    def __init__(self, link: Link, name: str) -> None:
        self.incarnation = Incarnation(name)
        self.nicks = NickRegistry(
            link, namespace="test", scope="test@0", incarnation=self.incarnation
        )
        self.register = NodeRegistry(
            link, namespace="test", scope="test@0", incarnation=self.incarnation
        )
        self.believed: dict[str, Belief] = {}

    @property
    def name(self) -> str:
        return self.incarnation.node

    @property
    def mark(self) -> str:
        return self.incarnation.name


class AnyHistory(RedisMachine):
    """Nodes that come, stall, die and bury one another, and clients that go from one to the next.

    The model is what the tables in Redis should say.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ask("FLUSHALL")
        self.owned: dict[str, Held] = {}
        self.replica: dict[str, Held] = {}
        self.registered: dict[str, bool] = {}
        """The nodes on the register, and whether each counts as alive."""
        self.members: list[Member] = []
        self.nodes_so_far = self.sessions_so_far = 0
        for who in LINES[1:3]:
            self.claims(self.add_node(), self.new_session(), Belief(who, NO_TERM))

    # --- the model ----------------------------------------------------------------------------

    def of(self, session: str) -> str | None:
        """The folded nickname that a session has."""
        return next((key for key, held in self.owned.items() if held.session == session), None)

    def claims(self, member: Member, session: str, claim: Belief) -> None:
        """Have a node claim, and see that it goes as it should; the node believes what it hears."""
        who, term = claim
        others = [f"{nick_of(who)}{end}" for end in ("_", "2")]
        variants = partial(_variants, others)
        key, had = fold(nick_of(who)), self.of(session)
        held = None if had is None else self.owned[had]
        outcome: str | None = "its own"
        try:
            term = self.do(partial(member.nicks.claim, who, session, term=term, variants=variants))
        except Replaced:
            outcome = "replaced"
        except Outdated as outdated:
            outcome = "outdated"
            member.believed[session] = Belief(outdated.line, outdated.term)
        except NickTaken as taken:
            outcome = taken.free_variant
        if held is not None and held.node != member.name and held.term >= claim.term:
            assert outcome == "replaced"
            member.believed.pop(session, None)
        elif held is not None and held.node == member.name and 0 < claim.term < held.term:
            assert outcome == "outdated"
            assert member.believed[session] == Belief(held.who, held.term)
        elif key in self.owned and self.owned[key].session != session:
            assert outcome == next((o for o in others if fold(o) not in self.owned), None)
        else:
            assert outcome == "its own"
            assert term == (claim.term or (held.term if held is not None else term)) > 0
            if had is not None:
                del self.owned[had]
            self.owned[key] = Held(session, member.mark, term, who)
            member.believed[session] = Belief(who, term)

    def frees(self, ended: list[str], marks: Callable[[Held], bool]) -> None:
        """See that exactly those were set free that are marked so."""
        due = {key: held for key, held in self.owned.items() if marks(held)}
        assert sorted(ended) == sorted(held.session for held in due.values())
        for key in due:
            del self.owned[key]

    # --- nodes --------------------------------------------------------------------------------

    def add_node(self) -> Member:
        self.nodes_so_far += 1
        member = Member(self.link, f"n{self.nodes_so_far}")
        self.members.append(member)
        self.do(member.register.register)
        self.registered[member.mark] = True
        return member

    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        """Another one takes its place; some other declares it dead in time."""
        self.members.remove(self.any_node(data))
        self.add_node()

    @precondition(lambda self: any(self.registered.values()))
    @rule(data=st.data())
    def declare_dead(self, data: st.DataObject) -> None:
        """Dead or only stalled: nobody can tell."""
        alive = sorted(mark for mark, alive in self.registered.items() if alive)
        mark = data.draw(st.sampled_from(alive), label="mark")
        self.do(self.any_node(data).register.declare_dead, mark)
        self.registered[mark] = False

    @precondition(lambda self: not all(self.registered.values()))
    @rule(data=st.data())
    def bury(self, data: st.DataObject) -> None:
        """Give back what a node held that counts as dead; it may be done twice, or too late."""
        dead = sorted(mark for mark, alive in self.registered.items() if not alive)
        mark = data.draw(st.sampled_from(dead), label="mark")
        undertaker = self.any_node(data)
        ended = self.do(undertaker.nicks.release_node, mark)
        self.frees(ended, lambda held: held.mark == mark)
        if data.draw(st.booleans(), label="struck off the register"):
            self.do(undertaker.register.remove, mark)
            self.registered.pop(mark, None)

    @rule(data=st.data())
    def stall(self, data: st.DataObject) -> None:
        """Be taken for dead and come back, while somebody gives back what was held till then."""
        member = self.any_node(data)
        mark = member.mark
        sessions = [held.session for held in self.owned.values() if held.mark == mark]
        self.do(member.register.declare_dead, mark)
        self.registered[mark] = False
        self.beats(member)
        if data.draw(st.booleans(), label="claims again first"):
            self.settles(member)
        given_back = data.draw(st.booleans(), label="given back")
        if sessions and given_back:
            terms = up_to_terms(dict.fromkeys(sessions, NO_TERM))
            ended = self.do(self.link.run_script, RELEASE, KEYS, mark, *terms)
            freed = [session.decode() for session in ended]
            self.frees(freed, lambda held: held.session in sessions and held.mark == mark)

    @rule(data=st.data())
    def beat(self, data: st.DataObject) -> None:
        self.beats(self.any_node(data))

    def beats(self, member: Member) -> None:
        """Give a sign of life, and go by another name if one was taken for dead."""
        alive, others = self.do(member.register.beat, b"probe")
        assert alive == self.registered.get(member.mark, False)
        assert others.keys() == self.registered.keys() - {member.mark}
        if not alive:
            member.incarnation.renew()
            self.do(member.register.register)
            self.registered[member.mark] = True

    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        self.settles(self.any_node(data))

    def settles(self, member: Member) -> None:
        """Claim again all that one believes to hold."""
        believed, member.believed = member.believed, {}
        for session, belief in believed.items():
            self.claims(member, session, belief)

    @rule()
    def replicate(self) -> None:
        """Copy all that there is to a replica."""
        self.replica = dict(self.owned)

    @precondition(lambda self: self.replica)
    @rule()
    def fail_over(self) -> None:
        """Go on with what the replica has."""
        self.owned, self.replica = self.replica, {}
        self.ask("DEL", *KEYS)
        for key, held in self.owned.items():
            self.ask("HSET", KEYS[0], key, " ".join(map(str, held)))
            self.ask("HSET", KEYS[1], held.session, key)

    @precondition(lambda self: len(self.owned) > ENOUGH)
    @rule()
    def lose_everything(self) -> None:
        self.ask("FLUSHALL")
        self.owned.clear()
        self.registered.clear()

    # --- sessions -----------------------------------------------------------------------------

    def new_session(self) -> str:
        self.sessions_so_far += 1
        return f"s{self.sessions_so_far}"

    @rule(data=st.data(), who=st.sampled_from(LINES))
    def sign_in(self, data: st.DataObject, who: str) -> None:
        self.claims(self.any_node(data), self.new_session(), Belief(who, NO_TERM))

    @rule(data=st.data(), who=st.sampled_from(LINES))
    def become(self, data: st.DataObject, who: str) -> None:
        """Take another nickname or status; or the same, because the answer was lost."""
        member = self.any_node(data)
        if member.believed:
            session = data.draw(st.sampled_from(sorted(member.believed)), label="session")
            self.claims(member, session, Belief(who, member.believed[session].term))

    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        """Whoever has the secret takes the session up, on any node, as long as it is not over."""
        ever = [f"s{number}" for number in range(self.sessions_so_far + 1)]
        there = sorted(held.session for held in self.owned.values())
        session = data.draw(st.sampled_from(there or ever) | st.sampled_from(ever), label="session")
        member = self.any_node(data)
        key = self.of(session)
        found = self.do(member.nicks.resume, session)
        assert self.do(member.nicks.has, session) == (found is not None) == (key is not None)
        if key is not None:
            old = self.owned[key]
            assert found.line == old.who
            assert found.term > old.term
            self.owned[key] = Held(session, member.mark, found.term, found.line)
            if data.draw(st.booleans(), label="answered"):
                member.believed[session] = Belief(found.line, found.term)
            for other in self.members:
                if other.name == old.node != member.name and data.draw(
                    st.booleans(), label="ended"
                ):
                    assert self.do(other.nicks.release, {session: old.term}) == []

    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        """Give back sessions that have said goodbye, or whose grace is over."""
        member = self.any_node(data)
        some = st.sampled_from([*sorted(member.believed), "s0"])
        ending = data.draw(st.sets(some, min_size=1), label="them")
        unknown = Belief("", NO_TERM)
        last = {session: member.believed.get(session, unknown).term for session in sorted(ending)}
        ended = self.do(member.nicks.release, last)
        self.frees(
            ended,
            lambda held: (
                held.node == member.name
                and held.session in last
                and held.term <= (last[held.session] or held.term)
            ),
        )
        for session in ending:
            member.believed.pop(session, None)

    @rule(data=st.data())
    def check(self, data: st.DataObject) -> None:
        """Find the sessions that have been taken up elsewhere, or whose nickname was lost."""
        member = self.any_node(data)
        believed = {session: nick_of(b.who) for session, b in member.believed.items()}
        there = {
            held.session
            for nick, held in self.owned.items()
            if held.mark == member.mark and nick == fold(believed.get(held.session, ""))
        }
        assert set(self.do(member.nicks.astray, believed)) == believed.keys() - there

    def any_node(self, data: st.DataObject) -> Member:
        names = [member.name for member in self.members]
        return self.members[names.index(data.draw(st.sampled_from(names), label="node"))]

    # --- what is always so --------------------------------------------------------------------

    @invariant()
    def redis_says_what_it_should(self) -> None:
        """So a nickname never has two owners, nor a session two nicknames."""
        nicks = self.ask("HGETALL", "test:{nicks}")
        assert nicks == {key: " ".join(map(str, held)) for key, held in self.owned.items()}
        sessions = self.ask("HGETALL", "test:{nicks}:sessions")
        assert sessions == {held.session: key for key, held in self.owned.items()}

    def teardown(self) -> None:
        """All nodes die but one that is new: it buries them all, and nothing is left."""
        last = self.add_node()
        for mark in self.do(last.nicks.holdings):
            self.do(last.register.declare_dead, mark)
        for mark in self.do(last.register.beat, b"probe").beats:
            self.do(last.nicks.release_node, mark)
            self.do(last.register.remove, mark)
        assert self.ask("HGETALL", "test:heartbeats") == {last.mark: "1"}
        assert {*self.ask("KEYS", "*")} - {"test:schema", "test:unicode"} == {"test:heartbeats"}


def _variants(others: list[str], _: str) -> list[str]:
    return others


async def test_any_history(link: Link, redis_server: RedisServer) -> None:
    await run_machine(AnyHistory, link, redis_server, examples=200, steps=30)
