"""Whoever follows a room's pages and ``presence`` frames knows who is in it."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.backplane import Change, member_line
from gateway.delivery.roster import UNKNOWN, Roster
from gateway.wire import encode
from tests.unit.gateway.delivery.following import ONE_CHANGE, OUTBOX, Client, pages

NICKS = tuple("ABCDEF")
STATUSES = ("", " away ", " busy a  word")


class AnyHistory(RuleBasedStateMachine):
    """A room in Redis, a node that may miss its changes, and clients that come at any time.

    A nickname has one owner at a time, but may pass from one session to another at once.
    """

    outbox_bytes = OUTBOX

    def __init__(self) -> None:
        super().__init__()
        self.version = 0
        self.members: dict[str, str] = {}
        self.sessions = 0
        self.on_their_way: list[Change] = []
        self.heard = UNKNOWN
        self.roster = Roster(self.outbox_bytes)
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

    @precondition(lambda self: self.members and self.free_nicks())
    @rule(data=st.data())
    def pass_on(self, data: st.DataObject) -> None:
        """Somebody is renamed, and somebody new takes the nickname that is free now."""
        session = data.draw(st.sampled_from(sorted(self.members)), label="session")
        given_up = member_line.nick_of(self.members[session])
        self.put(session, self.drawn_line(data))
        self.sessions += 1
        self.put(f"s{self.sessions}", given_up)

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
                client.begin_anew()

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
    def clients_read_on(self) -> None:
        """Each reads one page, if it has not read them all."""
        for client in self.clients:
            if client.is_reading:
                client.read(self.roster)

    @rule()
    def flush(self) -> None:
        presence = self.roster.flush("lobby")
        if presence is not None:
            assert presence.version != UNKNOWN
            assert len(encode(presence)) < self.outbox_bytes // 16 + ONE_CHANGE
            for client in self.clients:
                client.hear(presence)

    @invariant()
    def all_are_told_the_same(self) -> None:
        told = [member.nick for member in pages(self.roster)]
        assert self.roster.count() == len(told)
        assert told == sorted(set(told))

    @invariant()
    def knows_whether_it_is_behind(self) -> None:
        behind = self.roster.version < self.heard
        assert self.roster.incomplete == (behind or self.roster.version == UNKNOWN)
        if self.roster.version == self.version:
            assert self.roster.members == self.members

    def teardown(self) -> None:
        self.read_anew()
        while self.roster.changed:
            self.flush()
        while any(client.is_reading for client in self.clients):
            self.clients_read_on()
        assert not self.roster.incomplete
        assert self.roster.members == self.members
        for client in self.clients:
            assert client.nicks == set(self.members.values())


class AnyHistoryInShortPages(AnyHistory):
    """The same with two members or so on a page, and one or two changes in a frame."""

    outbox_bytes = 30 * 8


AnyHistory.TestCase.settings = settings(deadline=None, max_examples=300, stateful_step_count=30)
AnyHistoryInShortPages.TestCase.settings = AnyHistory.TestCase.settings
test_any_history = AnyHistory.TestCase
test_any_history_in_short_pages = AnyHistoryInShortPages.TestCase
