"""Whoever follows a room's ``presence`` frames knows who is in it."""

from __future__ import annotations

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.backplane import Change, member_line
from gateway.delivery.roster import UNKNOWN, Roster
from gateway.wire import MAX_LISTED_MEMBERS, Member, Presence, Renamed

NICKS = tuple("ABCDEF")
STATUSES = ("", " away ", " busy a  word")


def lines(members: list[Member]) -> dict[str, str]:
    """Who members are, by nickname, as nodes write it."""
    return {m.nick: member_line.write(m.nick, m.state, m.text) for m in members}


def listed(roster: Roster) -> set[str]:
    return set(lines(msgspec.json.decode(roster.listing(), type=list[Member])).values())


class Client:
    """Somebody who follows the protocol to the letter (PROTOCOL.md, "Presence").

    One with a ``session`` has joined by it just now, and is listed in the answer in any case.
    """

    def __init__(self, roster: Roster, session: str = "", line: str = "") -> None:
        self.session = session
        self.version = roster.announced_version
        self.known = {member_line.nick_of(told): told for told in listed(roster)}
        if session and roster.introduce(session, line):
            self.known[member_line.nick_of(line)] = line
        self.must_ask = False

    @property
    def nicks(self) -> set[str]:
        return set(self.known.values())

    def hear(self, presence: Presence) -> None:
        if presence.version <= self.version:
            return
        if presence.after > self.version:
            self.must_ask = True
            return
        self.version = presence.version
        self.known |= lines(presence.joined)
        for nick in presence.left:
            self.known.pop(nick, None)
        for renamed in presence.changed:
            self.known.pop(renamed.was, None)
            self.known[renamed.nick] = member_line.write(renamed.nick, renamed.state, renamed.text)

    def ask(self, roster: Roster) -> None:
        self.version, self.must_ask = roster.announced_version, False
        self.known = {member_line.nick_of(told): told for told in roster.announced()}


class AnyHistory(RuleBasedStateMachine):
    """A room in Redis, a node that may miss its changes, and clients that come at any time.

    A nickname has one owner at a time, but may pass from one session to another at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.version = 0
        self.members: dict[str, str] = {}
        self.sessions = 0
        self.on_their_way: list[Change] = []
        self.heard = UNKNOWN
        self.roster = Roster()
        self.clients: list[Client] = []

    # --- what happens in Redis ----------------------------------------------------------------

    def free_nicks(self) -> list[str]:
        taken = set(map(member_line.nick_of, self.members.values()))
        return [nick for nick in NICKS if nick not in taken]

    def drawn_line(self, data: st.DataObject) -> str:
        nick: str = data.draw(st.sampled_from(self.free_nicks()), label="nick")
        return nick + data.draw(st.sampled_from(STATUSES), label="status")

    @precondition(lambda self: self.free_nicks())
    @rule(data=st.data())
    def join(self, data: st.DataObject) -> None:
        self.sessions += 1
        self.put(f"s{self.sessions}", self.drawn_line(data))

    @precondition(lambda self: self.members and self.free_nicks())
    @rule(data=st.data())
    def rename(self, data: st.DataObject) -> None:
        session = data.draw(st.sampled_from(sorted(self.members)), label="session")
        self.put(session, self.drawn_line(data))

    @precondition(lambda self: self.members)
    @rule(data=st.data())
    def set_status(self, data: st.DataObject) -> None:
        session = data.draw(st.sampled_from(sorted(self.members)), label="session")
        nick = member_line.nick_of(self.members[session])
        self.put(session, nick + data.draw(st.sampled_from(STATUSES), label="status"))

    @precondition(lambda self: self.members)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        self.remove(data.draw(st.sampled_from(sorted(self.members)), label="session"))

    @precondition(lambda self: self.members)
    @rule(data=st.data())
    def leave_and_come_back(self, data: st.DataObject) -> None:
        session = data.draw(st.sampled_from(sorted(self.members)), label="session")
        nick = self.members[session]
        self.remove(session)
        self.put(session, nick)

    @precondition(lambda self: self.members)
    @rule(data=st.data())
    def reconnect(self, data: st.DataObject) -> None:
        """The same person comes back as another session."""
        session = data.draw(st.sampled_from(sorted(self.members)), label="session")
        nick = self.members[session]
        self.remove(session)
        self.sessions += 1
        self.put(f"s{self.sessions}", nick)

    def put(self, session: str, nick: str) -> None:
        self.version += 1
        self.members[session] = nick
        self.on_their_way.append(Change(self.version, here={session: nick}))

    def remove(self, session: str) -> None:
        self.version += 1
        del self.members[session]
        self.clients = [client for client in self.clients if client.session != session]
        self.on_their_way.append(Change(self.version, gone=[session]))

    # --- what comes to the node ---------------------------------------------------------------

    @rule(count=st.integers(1, 4))
    def hear(self, count: int) -> None:
        for change in self.on_their_way[:count]:
            self.roster.apply(change)
            self.heard = max(self.heard, change.version)
        del self.on_their_way[:count]

    @rule()
    def miss_one(self) -> None:
        del self.on_their_way[:1]

    @rule()
    def read_anew(self) -> None:
        after_loss = self.roster.announced_version == UNKNOWN
        self.roster.replace(self.version, dict(self.members))
        if after_loss:
            for client in self.clients:
                client.must_ask = True

    @precondition(lambda self: self.roster.version != UNKNOWN)
    @rule()
    def data_lost(self) -> None:
        """Redis forgets the newest versions; once it is read anew, everybody gets a notice."""
        self.version = max(0, self.version - 2)
        self.on_their_way.clear()
        self.heard = UNKNOWN
        self.roster.invalidate()

    # --- what the clients see -----------------------------------------------------------------

    @precondition(lambda self: self.members and self.roster.seen != UNKNOWN)
    @rule(data=st.data())
    def client_joins(self, data: st.DataObject) -> None:
        """What the room's channel says of it may have come, may be on its way, or may be lost."""
        session = data.draw(st.sampled_from(sorted(self.members)), label="session")
        # Who joins again takes the new answer for the old one.
        self.clients = [client for client in self.clients if client.session != session]
        self.clients.append(Client(self.roster, session, self.members[session]))

    @rule()
    def clients_ask(self) -> None:
        for client in self.clients:
            if client.must_ask:
                client.ask(self.roster)

    @rule()
    def flush(self) -> None:
        presence = self.roster.flush("lobby")
        if presence is not None:
            assert presence.version != UNKNOWN
            for client in self.clients:
                client.hear(presence)

    @invariant()
    def all_are_told_the_same(self) -> None:
        told = list(self.roster.announced())
        assert self.roster.count() == len(told)
        assert listed(self.roster) == set(told)

    @invariant()
    def knows_whether_it_is_behind(self) -> None:
        behind = self.roster.version < self.heard
        assert self.roster.incomplete == (behind or self.roster.version == UNKNOWN)
        if self.roster.version == self.version:
            assert self.roster.members == self.members

    def teardown(self) -> None:
        self.read_anew()
        self.flush()
        self.clients_ask()
        assert not self.roster.incomplete
        assert self.roster.members == self.members
        for client in self.clients:
            assert client.nicks == set(self.members.values())


AnyHistory.TestCase.settings = settings(deadline=None, max_examples=300, stateful_step_count=30)
test_any_history = AnyHistory.TestCase


def known(version: int = 4, **members: str) -> Roster:
    roster = Roster()
    roster.replace(version, members)
    return roster


def test_an_unread_roster_is_incomplete_and_applies_nothing() -> None:
    roster = Roster()
    assert roster.incomplete
    roster.apply(Change(1, here={"s1": "Alice"}))
    assert roster.version == UNKNOWN
    assert roster.members == {}


def test_what_is_read_first_is_no_change() -> None:
    roster = known(s1="Alice")
    assert not roster.changed
    assert roster.flush("lobby") is None


def test_changes_of_one_interval_are_told_in_one_frame() -> None:
    roster = known(4, s1="Alice", s2="Bob", s3="Carol")
    roster.apply(Change(5, here={"s4": "Dave"}))
    roster.apply(Change(6, gone=["s2"]))
    roster.apply(Change(7, here={"s3": "Caro"}))
    changed = roster.changed
    assert roster.flush("lobby") == Presence(
        room="lobby",
        after=4,
        version=7,
        joined=[Member(nick="Dave")],
        left=["Bob"],
        changed=[Renamed(nick="Caro", was="Carol")],
    )
    assert (changed, roster.changed) == (True, False)
    assert roster.flush("lobby") is None


def test_a_missed_change_makes_it_incomplete_until_it_is_read_anew() -> None:
    roster = known(4, s1="Alice")
    roster.apply(Change(6, here={"s3": "Carol"}))
    incomplete = roster.incomplete
    assert roster.members == {"s1": "Alice"}
    roster.replace(6, {"s1": "Alice", "s2": "Bob", "s3": "Carol"})
    assert (incomplete, roster.incomplete) == (True, False)
    presence = roster.flush("lobby")
    assert presence is not None
    assert (presence.after, presence.version) == (4, 6)
    assert {member.nick for member in presence.joined} == {"Bob", "Carol"}


def test_a_change_that_is_known_already_changes_nothing() -> None:
    roster = known(4, s1="Alice")
    roster.apply(Change(4, here={"s9": "Ghost"}))
    assert roster.members == {"s1": "Alice"}
    assert not roster.incomplete


def test_a_read_that_is_older_than_a_change_seen_leaves_it_incomplete() -> None:
    roster = known(4, s1="Alice")
    roster.apply(Change(9, here={"s2": "Bob"}))
    roster.replace(8, {"s1": "Alice"})
    assert roster.incomplete


def test_who_came_and_went_meanwhile_is_known_to_nobody() -> None:
    """Not to a client that came in between, either."""
    roster = known(4)
    roster.apply(Change(5, here={"s1": "Xavier"}))
    client = Client(roster)
    roster.apply(Change(6, gone=["s1"]))
    assert roster.flush("lobby") is None
    roster.apply(Change(7, here={"s2": "Carol"}))
    presence = roster.flush("lobby")
    assert presence == Presence(room="lobby", after=4, version=7, joined=[Member(nick="Carol")])
    client.hear(presence)
    assert client.nicks == {"Carol"}


def test_who_reconnects_at_once_has_not_left() -> None:
    roster = known(4, s1="Alice")
    roster.apply(Change(5, gone=["s1"]))
    roster.apply(Change(6, here={"s2": "Alice"}))
    assert roster.flush("lobby") is None
    roster.apply(Change(7, gone=["s2"]))
    assert roster.flush("lobby") == Presence(room="lobby", after=4, version=7, left=["Alice"])


def test_two_who_swap_their_names_are_there_as_before() -> None:
    roster = known(4, s1="Alice", s2="Bob")
    for version, session, nick in ((5, "s1", "X"), (6, "s2", "Alice"), (7, "s1", "Bob")):
        roster.apply(Change(version, here={session: nick}))
    assert roster.flush("lobby") is None
    assert set(roster.announced()) == {"Alice", "Bob"}


def test_who_is_renamed_twice_is_told_of_once() -> None:
    roster = known(4, s1="Alice")
    roster.apply(Change(5, here={"s1": "Alicia"}))
    roster.apply(Change(6, here={"s1": "Alix"}))
    presence = roster.flush("lobby")
    assert presence == Presence(
        room="lobby", after=4, version=6, changed=[Renamed(nick="Alix", was="Alice")]
    )


def test_who_joins_and_is_renamed_at_once_has_one_name_for_itself_too() -> None:
    """Its answer to ``join`` lists it by the first name, though nobody else was told of that."""
    roster = known(4)
    roster.apply(Change(5, here={"s1": "Alice"}))
    client = Client(roster, "s1", "Alice")
    roster.apply(Change(6, here={"s1": "Alicia"}))
    presence = roster.flush("lobby")
    assert presence is not None
    client.hear(presence)
    assert client.nicks == {"Alicia"}


def test_nothing_is_told_while_the_members_are_unknown() -> None:
    """Redis lost data: versions begin again, and whoever needs to know asks."""
    roster = known(57, s1="Alice")
    roster.apply(Change(58, here={"s2": "Bob"}))
    roster.invalidate()
    assert roster.incomplete
    assert roster.flush("lobby") is None
    roster.replace(2, {"s1": "Alice", "s3": "Carol"})
    assert roster.flush("lobby") is None
    assert (roster.announced_version, set(roster.announced())) == (2, {"Alice", "Carol"})
    roster.apply(Change(3, gone=["s1"]))
    assert roster.flush("lobby") == Presence(room="lobby", after=2, version=3, left=["Alice"])


def test_a_status_alone_is_a_change_of_somebody_who_stays() -> None:
    roster = known(4, s1="Alice", s2="Bob")
    roster.apply(Change(5, here={"s1": "Alice away back at 3"}))
    assert roster.flush("lobby") == Presence(
        room="lobby",
        after=4,
        version=5,
        changed=[Renamed(nick="Alice", was="Alice", state="away", text="back at 3")],
    )
    roster.apply(Change(6, here={"s1": "Alicia away back at 3"}))
    roster.apply(Change(7, here={"s3": "Carol busy "}))
    assert roster.flush("lobby") == Presence(
        room="lobby",
        after=5,
        version=7,
        joined=[Member(nick="Carol", state="busy")],
        changed=[Renamed(nick="Alicia", was="Alice", state="away", text="back at 3")],
    )
    roster.apply(Change(8, here={"s3": "Carol"}))
    roster.apply(Change(9, here={"s3": "Carol busy "}))
    assert roster.flush("lobby") is None


def test_the_listing_follows_every_flush() -> None:
    roster = known(4, s1="Alice")
    assert listed(roster) == {"Alice"}
    roster.apply(Change(5, here={"s2": "Bob"}))
    assert (roster.announced_version, listed(roster), roster.count()) == (4, {"Alice"}, 1)
    assert roster.introduce("s2", "Bob")
    roster.flush("lobby")
    assert (roster.announced_version, listed(roster), roster.count()) == (5, {"Alice", "Bob"}, 2)
    assert not roster.introduce("s2", "Bob")
    roster.replace(6, {"s2": "Bob"})
    assert (roster.announced_version, listed(roster)) == (5, {"Alice", "Bob"})
    assert not roster.introduce("s1", "Alice")
    roster.flush("lobby")
    assert (roster.announced_version, listed(roster)) == (6, {"Bob"})


def test_the_listing_is_bounded() -> None:
    members = {f"s{n}": f"nick{n}" for n in range(MAX_LISTED_MEMBERS + 5)}
    roster = known(1, **members)
    assert len(listed(roster)) == MAX_LISTED_MEMBERS
    assert roster.count() == len(set(roster.announced())) == MAX_LISTED_MEMBERS + 5
