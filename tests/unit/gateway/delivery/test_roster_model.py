"""Whoever follows a room's pages and ``presence`` frames knows who is in it."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.backplane import Change, member_line
from gateway.delivery.roster import UNKNOWN, Roster
from gateway.wire import Member, encode
from tests.unit.gateway.delivery.following import ONE_CHANGE, OUTBOX, Client, lines, pages

NICKS = tuple("ABCDEF")
STATUSES = ("", " away ", " busy a  word", " idle ")
OF_ACCOUNTS = (" +online ", " +away ", " +busy a  word")
IDLE = " +idle "


def people_in(members: dict[str, str]) -> dict[str, str]:
    """Who is to be listed, by nickname, given the member lines of sessions."""
    shown: list[Member] = []
    for nick in set(map(member_line.nick_of, members.values())):
        theirs = [members[sid] for sid in sorted(members) if members[sid].split(" ")[0] == nick]
        of_account = [line for line in theirs if " +" in line] or theirs
        in_use = [line for line in of_account if "idle" not in line] or of_account
        shown.append(member_line.read(in_use[-1]))
    return lines(shown)


class AnyHistory(RuleBasedStateMachine):
    """A room in Redis, a node that may miss its changes, and clients that come at any time.

    A nickname has one owner at a time, but may pass from one person to another at once. A person is
    a guest with one session, or an account with any number of them.
    """

    outbox_bytes = OUTBOX

    def __init__(self) -> None:
        super().__init__()
        self.version = 0
        self.members: dict[str, str] = {}
        self.were: dict[int, dict[str, str]] = {0: {}}
        """The members at each version."""
        self.sessions = 0
        self.on_their_way: list[Change] = []
        self.heard = UNKNOWN
        self.roster = Roster(self.outbox_bytes)
        self.clients: list[Client] = []
        self.joined: dict[str, tuple[str, int]] = {}
        """With which line, and at which version, the session of each client joined."""

    # --- what happens in Redis ----------------------------------------------------------------

    def free_nicks(self) -> list[str]:
        taken = set(map(member_line.nick_of, self.members.values()))
        return [nick for nick in NICKS if nick not in taken]

    def drawn_line(self, data: st.DataObject, statuses: tuple[str, ...] = STATUSES) -> str:
        nick: str = data.draw(st.sampled_from(self.free_nicks()), label="nick")
        return nick + data.draw(st.sampled_from(statuses), label="status")

    def drawn_session(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.members)), label="session")

    def devices(self, session: str) -> list[str]:
        """All sessions of the person who has this one."""
        nick = member_line.nick_of(self.members[session])
        return [sid for sid, line in self.members.items() if member_line.nick_of(line) == nick]

    def is_of_account(self, session: str) -> bool:
        return member_line.is_registered(self.members[session])

    @precondition(lambda self: self.free_nicks())
    @rule(data=st.data(), statuses=st.sampled_from([STATUSES, OF_ACCOUNTS]))
    def join(self, data: st.DataObject, statuses: tuple[str, ...]) -> None:
        self.sessions += 1
        self.put({f"s{self.sessions}": self.drawn_line(data, statuses)})

    @precondition(lambda self: any(map(self.is_of_account, self.members)))
    @rule(data=st.data(), idle=st.booleans())
    def join_with_another_device(self, data: st.DataObject, idle: bool) -> None:
        accounts = sorted(filter(self.is_of_account, self.members))
        line = self.members[data.draw(st.sampled_from(accounts), label="session")]
        self.sessions += 1
        self.put({f"s{self.sessions}": member_line.nick_of(line) + IDLE if idle else line})

    @precondition(lambda self: self.members and self.free_nicks())
    @rule(data=st.data())
    def rename(self, data: st.DataObject) -> None:
        """Somebody has another nickname and status, in one step on all devices."""
        session = self.drawn_session(data)
        statuses = OF_ACCOUNTS if self.is_of_account(session) else STATUSES
        line = self.drawn_line(data, statuses)
        self.put(dict.fromkeys(self.devices(session), line))

    @precondition(lambda self: any(map(self.is_of_account, self.members)))
    @rule(data=st.data(), status=st.sampled_from([*OF_ACCOUNTS, IDLE]))
    def change_one_device(self, data: st.DataObject, status: str) -> None:
        """A device becomes idle, or another one hears later what status was chosen."""
        accounts = sorted(filter(self.is_of_account, self.members))
        session = data.draw(st.sampled_from(accounts), label="session")
        self.put({session: member_line.nick_of(self.members[session]) + status})

    @precondition(lambda self: not all(map(self.is_of_account, self.members)))
    @rule(data=st.data(), leave_at=st.sampled_from(["once", "last"]))
    def register(self, data: st.DataObject, leave_at: str) -> None:
        """A guest becomes an account, with another session, and nobody leaves."""
        guests = sorted(sid for sid in self.members if not self.is_of_account(sid))
        guest = data.draw(st.sampled_from(guests), label="guest")
        self.sessions += 1
        line = member_line.nick_of(self.members[guest]) + " +online "
        if leave_at == "once":
            self.put({f"s{self.sessions}": line}, gone=[guest])
        else:
            self.put({f"s{self.sessions}": line})
            self.remove(guest)

    @precondition(lambda self: self.members)
    @rule(data=st.data())
    def set_status(self, data: st.DataObject) -> None:
        session = self.drawn_session(data)
        statuses = OF_ACCOUNTS if self.is_of_account(session) else STATUSES
        status = data.draw(st.sampled_from(statuses), label="status")
        nick = member_line.nick_of(self.members[session])
        self.put(dict.fromkeys(self.devices(session), nick + status))

    @precondition(lambda self: self.members)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        self.remove(self.drawn_session(data))

    @precondition(lambda self: self.members)
    @rule(data=st.data())
    def leave_on_all_devices(self, data: st.DataObject) -> None:
        self.remove(*self.devices(self.drawn_session(data)))

    @precondition(lambda self: self.members)
    @rule(data=st.data())
    def leave_and_come_back(self, data: st.DataObject) -> None:
        session = self.drawn_session(data)
        line = self.members[session]
        self.remove(session)
        self.put({session: line})

    @precondition(lambda self: self.members)
    @rule(data=st.data())
    def reconnect(self, data: st.DataObject) -> None:
        """The same person comes back as another session."""
        session = self.drawn_session(data)
        line = self.members[session]
        self.remove(session)
        self.sessions += 1
        self.put({f"s{self.sessions}": line})

    @precondition(lambda self: self.members and self.free_nicks())
    @rule(data=st.data())
    def pass_on(self, data: st.DataObject) -> None:
        """Somebody is renamed, and somebody new takes the nickname that is free now."""
        session = self.drawn_session(data)
        given_up = member_line.nick_of(self.members[session])
        self.put(dict.fromkeys(self.devices(session), self.drawn_line(data)))
        self.sessions += 1
        self.put({f"s{self.sessions}": given_up})

    def put(self, here: dict[str, str], gone: Sequence[str] = ()) -> None:
        self.version += 1
        self.members |= here
        for session in gone:
            del self.members[session]
        self.clients = [client for client in self.clients if client.session not in gone]
        self.were[self.version] = dict(self.members)
        self.on_their_way.append(Change(self.version, here=here, gone=list(gone)))

    def remove(self, *sessions: str) -> None:
        self.put({}, sessions)

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
        self.were[self.version] = dict(self.members)
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
        self.joined[session] = self.members[session], self.version

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
    def all_know_exactly_the_people(self) -> None:
        """Whenever all changes so far have been told, and a client has heard them."""
        roster = self.roster
        if roster.version == UNKNOWN or roster.changed:
            return
        people = people_in(self.were[roster.version])
        assert lines(pages(roster)) == people
        for client in self.clients:
            if client.version == roster.announced_version and not client.is_reading:
                known, expected = dict(client.known), dict(people)
                line, version = self.joined[client.session]
                if version > roster.version:
                    # Its own join is known to it alone until the node hears of it.
                    known.pop(member_line.nick_of(line), None)
                    expected.pop(member_line.nick_of(line), None)
                assert known == expected

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
            assert client.known == people_in(self.members)


class AnyHistoryInShortPages(AnyHistory):
    """The same with two members or so on a page, and one or two changes in a frame."""

    outbox_bytes = 30 * 8


AnyHistory.TestCase.settings = settings(deadline=None, max_examples=300, stateful_step_count=30)
AnyHistoryInShortPages.TestCase.settings = AnyHistory.TestCase.settings
test_any_history = AnyHistory.TestCase
test_any_history_in_short_pages = AnyHistoryInShortPages.TestCase
