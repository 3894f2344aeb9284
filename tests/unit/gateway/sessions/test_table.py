"""All sessions of a node: what follows from whatever happens to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.backplane import NO_TERM
from gateway.net.client_address import ClientAddress
from gateway.sessions.record import SessionRecord
from gateway.sessions.states import (
    MAY_CLAIM,
    SESSION_TRANSITIONS,
    WITH_CONNECTION,
    Resumption,
    RoomState,
    SessionEvent,
    SessionState,
)
from gateway.sessions.table import SessionTable
from gateway.state_machine import ImpossibleTransition
from gateway.wire.close_codes import Close

GRACE = 15.0
SIDS = ("s1", "s2", "s3")
ROOMS = ("lobby", "cafe", "garden")


class Wire:
    """A connection that nobody closes: the table never does."""

    client_address = ClientAddress("192.0.2.1", 1234)
    limited_as = None
    confidential = True

    def send(self, event: object) -> None:
        pass

    def close(self, closing: Close) -> None:
        raise AssertionError(closing)


def connected(table: SessionTable, sid: str, *rooms: str) -> SessionRecord:
    record = table.add_claiming(sid, Wire())
    record.claimed(1, sid)
    for room in rooms:
        assert table.join_room(record, room) is RoomState.ABSENT
    return record


def parked(table: SessionTable, sid: str, *rooms: str, now: float) -> SessionRecord:
    record = connected(table, sid, *rooms)
    table.transition(record, SessionEvent.DISCONNECTED, now)
    return record


def resume(table: SessionTable, record: SessionRecord, now: float) -> None:
    assert table.asked(record.sid) is record
    table.resumed(record, Wire(), record.term + 1, record.line, now)


# --- the grace time -------------------------------------------------------------------------------


def test_a_session_is_over_after_the_grace() -> None:
    table = SessionTable(GRACE)
    one = parked(table, "s1", "lobby", now=0.0)
    two = parked(table, "s2", "lobby", now=1.0)
    assert table.next_expiry == 15.0
    table.expire(14.9)
    assert (one.state, two.state) == (SessionState.PARKED, SessionState.PARKED)
    table.expire(15.0)
    assert (one.state, two.state) == (SessionState.RELEASING, SessionState.PARKED)
    assert one.rooms == {"lobby": RoomState.LEAVING}
    assert table.next_expiry == 16.0


def test_whoever_is_lost_again_has_the_whole_grace_for_all_its_rooms() -> None:
    table = SessionTable(GRACE)
    one = parked(table, "s1", "lobby", "cafe", now=0.0)
    two = parked(table, "s2", "cafe", now=1.0)
    resume(table, one, 2.0)
    table.join_room(one, "lobby")
    table.transition(one, SessionEvent.DISCONNECTED, 10.0)
    assert one.rooms == {"lobby": RoomState.PARKED, "cafe": RoomState.PARKED}
    table.expire(20.0)
    assert (one.state, two.state) == (SessionState.PARKED, SessionState.RELEASING)
    table.expire(25.0)
    assert one.state is SessionState.RELEASING


def test_rooms_that_are_not_joined_again_are_left_after_the_grace() -> None:
    table = SessionTable(GRACE)
    record = parked(table, "s1", "lobby", "cafe", now=0.0)
    resume(table, record, 10.0)
    table.join_room(record, "lobby")
    table.expire(25.0)
    assert record.state is SessionState.CONNECTED
    assert record.rooms == {"lobby": RoomState.FOLLOWED, "cafe": RoomState.LEAVING}
    assert list(table.releasable) == ["s1"]
    assert list(table.listed) == ["cafe"], "Redis does not know yet"
    table.left_room(record, "cafe")
    assert not table.releasable
    assert not table.listed


def test_what_another_node_took_up_is_given_back_here_after_the_grace() -> None:
    table = SessionTable(GRACE)
    record = connected(table, "s1", "lobby")
    connection = record.connection
    lost = table.transition(record, SessionEvent.REPLACED, 0.0)
    assert (lost.connection, lost.rooms) == (connection, ["lobby"])
    assert (record.state, record.until) == (SessionState.MOVED, 15.0)
    table.expire(15.0)
    assert record.rooms == {"lobby": RoomState.LEAVING}
    assert record.term == 1, "what is held in a later term is another node's"


# --- resuming -------------------------------------------------------------------------------------


def test_an_old_connection_is_lost_and_its_own_is_kept() -> None:
    table = SessionTable(GRACE)
    record = connected(table, "s1", "lobby")
    old, new = record.connection, Wire()
    table.asked("s1")
    lost = table.resumed(record, new, 2, "s1 busy ", 0.0)
    assert (lost.connection, lost.rooms) == (old, ["lobby"])
    assert record.connection is new
    table.asked("s1")
    assert table.resumed(record, new, 3, "s1", 0.0).connection is None


def test_an_unknown_session_is_forgotten_if_there_is_none() -> None:
    table = SessionTable(GRACE)
    record = table.asked("s1")
    assert table.sessions == {"s1": record}
    table.not_found(record, 0.0)
    assert not table.sessions


def test_an_unknown_session_is_kept_for_the_grace_if_redis_does_not_answer() -> None:
    table = SessionTable(GRACE)
    record = table.asked("s1")
    table.unanswered(record, 0.0)
    assert (record.state, record.until, record.term) == (SessionState.PARKED, 15.0, NO_TERM)
    table.expire(15.0)
    assert list(table.releasable) == ["s1"]


@pytest.mark.parametrize("answer", ["resumed", "not found", "unanswered"])
def test_a_session_that_was_taken_while_it_was_asked_for_is_claimed_again(answer: str) -> None:
    table = SessionTable(GRACE)
    record = parked(table, "s1", now=0.0)
    table.asked("s1")
    table.resumed_elsewhere("s1")
    assert not table.unverified
    if answer == "resumed":
        table.resumed(record, Wire(), 2, "s1", 0.0)
    elif answer == "not found":
        table.not_found(record, 0.0)
    else:
        table.unanswered(record, 0.0)
    assert list(table.unverified) == ["s1"]
    assert record.resumption is Resumption.NONE


def test_a_session_that_says_goodbye_while_it_is_asked_for_goes_on_if_it_is_resumed() -> None:
    table = SessionTable(GRACE)
    record = connected(table, "s1", "lobby", "cafe")
    table.asked("s1")
    table.transition(record, SessionEvent.ENDED, 0.0)
    assert not record.may_be_resumed, "again"
    table.resumed(record, Wire(), 2, "s1", 0.0)
    table.join_room(record, "lobby")
    assert record.rooms == {"lobby": RoomState.FOLLOWED, "cafe": RoomState.LEAVING}


def test_what_may_be_here_in_a_later_term_is_given_back_in_any() -> None:
    table = SessionTable(GRACE)
    unverified, unanswered = connected(table, "s1"), connected(table, "s2")
    table.mark_unverified(unverified)
    table.transition(unverified, SessionEvent.ENDED, 0.0)
    table.asked("s2")
    table.transition(unanswered, SessionEvent.ENDED, 0.0)
    assert unanswered.term == 1
    table.unanswered(unanswered, 0.0)
    assert unverified.term == unanswered.term == NO_TERM
    assert not table.unverified


def test_a_late_answer_for_a_session_that_is_gone_does_not_touch_its_successor() -> None:
    table = SessionTable(GRACE)
    old = connected(table, "s1")
    table.transition(old, SessionEvent.ENDED, 0.0)
    table.transition(old, SessionEvent.RELEASED, 0.0)
    new = connected(table, "s1")
    table.mark_unverified(new)
    table.transition(old, SessionEvent.REPLACED, 0.0)
    table.mark_unverified(old)
    assert table.sessions == table.unverified == {"s1": new}


# --- joining --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "follows", "after"),
    [
        (RoomState.ABSENT, False, RoomState.LEAVING),
        (RoomState.LEAVING, False, RoomState.LEAVING),
        (RoomState.PARKED, False, RoomState.PARKED),
        (RoomState.FOLLOWED, False, RoomState.PARKED),
        (RoomState.FOLLOWED, True, RoomState.FOLLOWED),
    ],
)
def test_what_a_room_is_after_a_join_that_failed(
    before: RoomState, follows: bool, after: RoomState
) -> None:
    table = SessionTable(GRACE)
    record = connected(table, "s1")
    if before is not RoomState.ABSENT:
        record = parked(table, "s1", "lobby", now=0.0)
        resume(table, record, 0.0)
        if before is RoomState.LEAVING:
            table.expire(GRACE)
        elif before is RoomState.FOLLOWED:
            table.join_room(record, "lobby")
    assert table.join_room(record, "lobby") is before
    table.join_failed(record, "lobby", before, follows=follows, now=20.0)
    assert record.rooms == {"lobby": after}
    if after is RoomState.PARKED:
        assert table.next_expiry == 20.0 + GRACE


def test_only_a_connected_session_joins() -> None:
    table = SessionTable(GRACE)
    record = parked(table, "s1", now=0.0)
    with pytest.raises(ImpossibleTransition):
        table.join_room(record, "lobby")


# --- whatever happens -----------------------------------------------------------------------------


class AnyLife(RuleBasedStateMachine):
    """Sessions to which anything happens that can; what the table says is always so."""

    def __init__(self) -> None:
        super().__init__()
        self.table = SessionTable(GRACE)
        self.now = 0.0
        self.term = 0

    def some(self, data: st.DataObject, *states: SessionState) -> SessionRecord | None:
        known = [r for r in self.table.sessions.values() if r.state in (states or SessionState)]
        return data.draw(st.sampled_from(known), label="session") if known else None

    @rule(sid=st.sampled_from(SIDS))
    def say_hello(self, sid: str) -> None:
        if sid not in self.table.sessions:
            self.table.add_claiming(sid, Wire())

    @precondition(lambda self: self.table.sessions)
    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        record = self.some(data)
        assert record is not None
        if record.state is not SessionState.UNKNOWN:
            self.term += 1
            record.claimed(self.term, record.sid)

    @rule(sid=st.sampled_from(SIDS))
    def ask(self, sid: str) -> None:
        record = self.table.sessions.get(sid)
        if record is None or (record.resumption is Resumption.NONE and record.may_be_resumed):
            self.table.asked(sid)

    @rule(data=st.data(), how=st.sampled_from(["resumed", "not found", "unanswered"]))
    def answer(self, data: st.DataObject, how: str) -> None:
        asked = [r for r in self.table.sessions.values() if r.resumption is not Resumption.NONE]
        if not asked:
            return
        record = data.draw(st.sampled_from(asked), label="session")
        if how == "resumed":
            self.term += 1
            connection, followed = record.connection, record.rooms_in(RoomState.FOLLOWED)
            new = Wire()
            lost = self.table.resumed(record, new, self.term, record.sid, self.now)
            assert (lost.connection, lost.rooms) == (connection, followed)
            assert (record.connection, record.term) == (new, self.term)
        elif how == "not found":
            self.table.not_found(record, self.now)
        else:
            self.table.unanswered(record, self.now)

    @rule(sid=st.sampled_from(SIDS))
    def hear_taken(self, sid: str) -> None:
        self.table.resumed_elsewhere(sid)

    @rule(
        data=st.data(),
        event=st.sampled_from(
            [SessionEvent.DISCONNECTED, SessionEvent.ENDED, SessionEvent.REPLACED]
        ),
    )
    def change(self, data: st.DataObject, event: SessionEvent) -> None:
        record = self.some(data)
        if record is None or event not in SESSION_TRANSITIONS[record.state]:
            return
        connection, followed = record.connection, record.rooms_in(RoomState.FOLLOWED)
        lost = self.table.transition(record, event, self.now)
        assert (lost.connection, lost.rooms) == (connection, followed)

    @rule(data=st.data(), room=st.sampled_from(ROOMS), fails=st.booleans(), follows=st.booleans())
    def join(self, data: st.DataObject, room: str, fails: bool, follows: bool) -> None:
        record = self.some(data, SessionState.CONNECTED)
        if record is not None:
            before = self.table.join_room(record, room)
            assert record.rooms[room] is RoomState.FOLLOWED
            if fails:
                self.table.join_failed(record, room, before, follows=follows, now=self.now)

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        record = self.some(data)
        if record is not None and (there := record.rooms_in(RoomState.FOLLOWED, RoomState.LEAVING)):
            room = data.draw(st.sampled_from(there), label="room")
            self.table.left_room(record, room)
            assert room not in record.rooms

    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        record = self.some(data, SessionState.RELEASING)
        if record is not None and record.resumption is Resumption.NONE:
            for room in list(record.rooms):
                self.table.left_room(record, room)
            self.table.transition(record, SessionEvent.RELEASED, self.now)
            assert record.sid not in self.table.sessions

    @rule(data=st.data())
    def doubt(self, data: st.DataObject) -> None:
        if (record := self.some(data)) is not None:
            self.table.mark_unverified(record)

    @rule(most=st.integers(1, 3))
    def verify(self, most: int) -> None:
        taken = self.table.take_unverified(most)
        assert not {record.sid for record in taken} & self.table.unverified.keys()

    @rule(seconds=st.floats(0.0, 10.0))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.table.expire(self.now)
        assert self.table.next_expiry is None or self.table.next_expiry > self.now

    @invariant()
    def the_indices_are_what_follows_from_the_states(self) -> None:
        sessions = self.table.sessions.values()

        def those(which: Callable[[SessionRecord], Any]) -> dict[str, SessionRecord]:
            return {record.sid: record for record in sessions if which(record)}

        assert self.table.unverified == those(lambda r: r.unverified)
        assert self.table.releasable == those(lambda r: r.is_to_be_released)
        listed_only = {RoomState.PARKED, RoomState.LEAVING}
        assert set(self.table.listed) == {
            room for r in sessions for room, state in r.rooms.items() if state in listed_only
        }
        times = [record.until for record in sessions if record.until is not None]
        assert self.table.next_expiry == min(times, default=None)

    @invariant()
    def each_state_has_what_belongs_to_it(self) -> None:
        for sid, record in self.table.sessions.items():
            assert record.sid == sid
            assert (record.connection is not None) == (record.state in WITH_CONNECTION)
            assert not record.unverified or record.state in MAY_CLAIM
            rooms = set(record.rooms.values())
            if record.state in {SessionState.UNKNOWN, SessionState.CLAIMING}:
                assert not rooms
            elif record.state in {SessionState.PARKED, SessionState.MOVED}:
                assert RoomState.FOLLOWED not in rooms
                assert record.until is not None, "or it would stay forever"
            elif record.state is SessionState.RELEASING:
                assert rooms <= {RoomState.LEAVING}
                assert record.until is None
            if record.state is SessionState.UNKNOWN:
                assert record.resumption is not Resumption.NONE, "or it would stay forever"
            if RoomState.PARKED in rooms:
                assert record.until is not None, "or it would stay listed forever"


TestAnyLife = AnyLife.TestCase
TestAnyLife.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
