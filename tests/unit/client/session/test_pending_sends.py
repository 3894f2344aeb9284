"""What is said and not acknowledged: in order, once, whatever becomes of connections."""

from __future__ import annotations

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from client.session.pending_sends import PendingSend, PendingSends, queue_key
from gateway import wire

ROOMS = st.sampled_from(["lobby", "cafe"])


def say(room: str, name: str, text: str) -> wire.Send:
    return wire.Send(room=room, id=name, text=text)


def message(unsent: PendingSend, seq: int, sender: str = "me") -> wire.Message:
    said = unsent.command
    assert isinstance(said, wire.Send)
    return wire.Message(seq=seq, at=0, room=said.room, sender=sender, text=said.text, id=said.id)


def test_the_first_of_each_room_is_due() -> None:
    pending = PendingSends()
    first, second = pending.put(say("lobby", "1", "a")), pending.put(say("lobby", "2", "b"))
    other = pending.put(say("cafe", "3", "c"))
    assert [pending.is_due(m) for m in (first, second, other)] == [True, False, True]
    pending.drop(first)
    assert pending.is_due(second)
    pending.drop(second)
    assert pending.waiting("lobby") == []


def test_one_in_the_middle_may_be_given_up() -> None:
    pending = PendingSends()
    first, second, third = (pending.put(say("lobby", name, "")) for name in "123")
    pending.drop(second)
    assert pending.waiting("lobby") == [first, third]


def test_ones_own_is_found_among_what_is_heard() -> None:
    pending = PendingSends()
    mine = pending.put(say("lobby", "1", "a"))
    assert not pending.heard([message(mine, 7, sender="somebody else")], "me")
    assert [m.seq for m in pending.waiting("lobby")] == [None]
    assert pending.heard([message(mine, 8)], "me")
    assert [m.seq for m in pending.waiting("lobby")] == [8]
    assert not pending.heard([message(mine, 9)], "me"), "it is known already"


def test_a_direct_message_is_not_attempted_by_another_session() -> None:
    pending = PendingSends()
    attempted, waiting = (
        pending.put(wire.SendDirect(id=name, to="bob", text="psst")) for name in "12"
    )
    room = pending.put(say("lobby", "3", "a"))
    attempted.uncertain = room.uncertain = True
    assert pending.is_due(attempted)
    pending.begin_anew()
    assert [m.abandoned for m in (attempted, waiting, room)] == [True, False, False]


def test_a_direct_message_is_found_among_what_is_heard() -> None:
    pending = PendingSends()
    mine = pending.put(wire.SendDirect(id="1", to="bob", text="psst"))
    heard = wire.DirectMessage(seq=4, at=0, epoch="e", sender="me", to="bob", text="psst", id="1")
    assert pending.heard([heard], "me")
    assert mine.seq == 4


def test_a_direct_message_of_an_account_is_ones_own_under_another_nickname_too() -> None:
    pending = PendingSends()
    mine = pending.put(wire.SendDirect(id="1", to="bob", text="psst"))
    said = wire.DirectMessage(seq=4, at=0, sender="before", to="bob", text="psst", id="1")
    assert not pending.heard([said], "me")
    assert pending.heard([msgspec.structs.replace(said, own=True)], "me")
    assert mine.seq == 4


class Sending(RuleBasedStateMachine):
    """A server that may lose every answer, and forgets what was sent by an earlier session."""

    def __init__(self) -> None:
        super().__init__()
        self.pending = PendingSends()
        self.said: dict[str, list[str]] = {"lobby": [], "cafe": []}
        self.logs: dict[str, list[wire.Message]] = {"lobby": [], "cafe": []}
        self.known: dict[str, int] = {}
        self.queued: list[PendingSend] = []
        self.present: set[str] = set()
        self.number = 0

    @rule(room=ROOMS)
    def say(self, room: str) -> None:
        self.number += 1
        self.queued.append(self.pending.put(say(room, str(self.number), "x")))
        self.said[room].append(str(self.number))

    @rule(room=ROOMS, answered=st.booleans())
    def try_one(self, room: str, answered: bool) -> None:
        """Send what is due in a room that is joined on this connection; maybe hear the answer."""
        due = [m for m in self.queued if queue_key(m.command)[1] == room and self.pending.is_due(m)]
        if not due or room not in self.present or due[0].seq is not None:
            return
        [unsent] = due
        log = self.logs[room]
        if unsent.command.id not in self.known:
            log.append(message(unsent, len(log) + 1))
            self.known[unsent.command.id] = len(log)
        if answered:
            unsent.seq = self.known[unsent.command.id]
        else:
            self.present.clear()

    @precondition(lambda self: self.queued)
    @rule()
    def take_out_the_sent(self) -> None:
        for unsent in [m for m in self.queued if m.seq is not None]:
            self.pending.drop(unsent)
            self.queued.remove(unsent)

    @rule(room=ROOMS)
    def join(self, room: str) -> None:
        if room not in self.present:
            self.present.add(room)
            self.pending.heard(self.logs[room], "me")

    @rule()
    def begin_another_session(self) -> None:
        """The old one was over: what was sent in it is not recognised any more."""
        self.present.clear()
        self.known.clear()

    @invariant()
    def everything_is_said_once_and_in_order(self) -> None:
        for room, log in self.logs.items():
            assert [m.id for m in log] == self.said[room][: len(log)]


TestSending = Sending.TestCase
TestSending.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
