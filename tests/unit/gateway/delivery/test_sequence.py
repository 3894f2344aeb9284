"""A room's messages come out once each and in order, however they come in."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.delivery.sequence import MOST_AHEAD, Sequence


def message(seq: int) -> bytes:
    return b"message %d" % seq


def messages(first: int, last: int) -> list[bytes]:
    return [message(seq) for seq in range(first, last + 1)]


def started(position: int = 0) -> Sequence:
    sequence = Sequence()
    sequence.start(position)
    return sequence


class AnyInterleaving(RuleBasedStateMachine):
    """A log that grows, a subscription that may lose messages, and reads of the log in between."""

    def __init__(self) -> None:
        super().__init__()
        self.sequence = Sequence()
        self.logged = 0
        self.on_their_way: list[int] = []
        self.seen = 0
        self.began_at: int | None = None
        self.out: list[bytes] = []

    @rule(count=st.integers(1, 5))
    def publish(self, count: int) -> None:
        for _ in range(count):
            self.logged += 1
            self.on_their_way.append(self.logged)

    @rule(count=st.integers(1, 5))
    def hear(self, count: int) -> None:
        for seq in self.on_their_way[:count]:
            self.sequence.offer_live(seq, message(seq))
            self.seen = max(self.seen, seq)
        del self.on_their_way[:count]

    @rule(count=st.integers(1, 5))
    def miss(self, count: int) -> None:
        del self.on_their_way[:count]

    @rule()
    def reconnect(self) -> None:
        self.on_their_way.clear()
        self.sequence.reconnected()

    @precondition(lambda self: self.began_at is None)
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        self.began_at = data.draw(st.integers(0, self.logged), label="where the log was")
        self.sequence.start(self.began_at)

    @precondition(lambda self: self.began_at is not None)
    @rule(limit=st.integers(1, 10))
    def read_on(self, limit: int) -> None:
        position = self.sequence.position
        assert position is not None
        self.offer_logged(position + 1, min(position + limit, self.logged))

    @precondition(lambda self: self.began_at is not None and self.logged)
    @rule(data=st.data())
    def read_anywhere(self, data: st.DataObject) -> None:
        first = data.draw(st.integers(1, self.logged), label="first")
        self.offer_logged(first, data.draw(st.integers(first, self.logged), label="last"))

    @rule()
    def take(self) -> None:
        self.out += self.sequence.take()

    def offer_logged(self, first: int, last: int) -> None:
        for seq in range(first, last + 1):
            self.sequence.offer(seq, message(seq))
            self.seen = max(self.seen, seq)

    @invariant()
    def each_once_and_in_order(self) -> None:
        began = self.began_at or 0
        assert self.out == messages(began + 1, began + len(self.out))

    @invariant()
    def knows_whether_something_is_missing(self) -> None:
        position = self.sequence.position
        assert self.sequence.incomplete == (position is None or position < self.seen)
        assert not self.sequence.suspicious

    @invariant()
    def holds_back_only_what_is_still_to_come(self) -> None:
        assert all(seq > (self.sequence.position or 0) for seq in self.sequence._ahead)

    def teardown(self) -> None:
        if self.began_at is None:
            assert self.sequence.take() == []
            return
        self.offer_logged(1, self.logged)
        self.out += self.sequence.take()
        assert self.out == messages(self.began_at + 1, self.logged)
        assert not self.sequence.incomplete


AnyInterleaving.TestCase.settings = settings(
    deadline=None, max_examples=200, stateful_step_count=40
)
test_any_interleaving = AnyInterleaving.TestCase


def test_before_it_has_started_everything_is_held_back() -> None:
    sequence = Sequence()
    assert sequence.incomplete
    sequence.offer_live(4, message(4))
    sequence.offer_live(5, message(5))
    assert sequence.take() == []
    assert sequence.position is None


def test_what_was_held_back_follows_the_start() -> None:
    sequence = Sequence()
    for seq in (3, 4, 5):
        sequence.offer_live(seq, message(seq))
    sequence.start(3)
    assert sequence.take() == messages(4, 5)
    assert sequence.position == 5
    assert not sequence.incomplete
    assert sequence._ahead == {}, "what is known already is not kept"


def test_a_jump_is_held_back_until_the_gap_is_filled() -> None:
    sequence = started(7)
    sequence.offer_live(10, message(10))
    assert sequence.incomplete
    assert sequence.take() == []
    sequence.offer(8, message(8))
    assert sequence.take() == [message(8)]
    sequence.offer(9, message(9))
    assert sequence.take() == messages(9, 10)
    assert not sequence.incomplete


def test_taking_takes_away() -> None:
    sequence = started()
    sequence.offer_live(1, message(1))
    assert sequence.take() == [message(1)]
    assert sequence.take() == []


def test_a_start_further_on_skips_what_is_lost_for_good() -> None:
    sequence = started(2)
    sequence.offer_live(9, message(9))
    sequence.start(8)
    assert sequence.take() == [message(9)]
    assert sequence.position == 9


def test_a_live_message_older_than_the_one_before_is_suspicious() -> None:
    sequence = started()
    sequence.offer_live(1, message(1))
    sequence.offer_live(2, message(2))
    before = sequence.suspicious
    sequence.offer_live(2, b"another message that got the same seq")
    assert (before, sequence.suspicious) == (False, True)
    assert sequence.take() == messages(1, 2)


def test_after_a_reconnection_live_messages_may_begin_anywhere() -> None:
    sequence = started()
    sequence.offer_live(5, message(5))
    sequence.reconnected()
    sequence.offer_live(2, message(2))
    assert not sequence.suspicious


def test_a_start_settles_the_suspicion() -> None:
    sequence = started(3)
    sequence.offer_live(3, message(3))
    sequence.offer_live(3, message(3))
    assert sequence.suspicious
    sequence.start(3)
    assert not sequence.suspicious


def test_a_restart_forgets_what_was_held_back_and_begins_at_one() -> None:
    sequence = started(90)
    sequence.offer_live(95, b"of a log that is lost")
    sequence.restart()
    assert sequence.position == 0
    assert not sequence.incomplete
    for seq in range(1, 97):
        sequence.offer_live(seq, message(seq))
    assert not sequence.suspicious
    assert sequence.take() == messages(1, 96)


def test_in_doubt_nothing_more_is_given_out() -> None:
    sequence = started(3)
    sequence.offer_live(4, message(4))
    sequence.doubted = True
    sequence.offer_live(5, message(5))
    assert not sequence.due
    assert sequence.take() == []
    sequence.doubted = False
    assert sequence.take() == messages(4, 5)


def test_what_was_held_back_in_doubt_is_forgotten_with_the_rest() -> None:
    sequence = started(3)
    sequence.doubted = True
    sequence.offer_live(4, b"that may be another than the log has")
    sequence.restart()
    sequence.start(3)
    assert sequence.take() == []
    sequence.offer(4, message(4))
    assert sequence.take() == [message(4)]


def test_behind_a_gap_memory_is_bounded_and_nothing_is_lost() -> None:
    sequence = started()
    last = MOST_AHEAD + 1_000
    for seq in range(2, last + 1):
        sequence.offer_live(seq, message(seq))
    assert len(sequence._ahead) == MOST_AHEAD
    sequence.offer(1, message(1))
    assert sequence.take() == messages(1, MOST_AHEAD + 1)
    assert sequence.incomplete, "the dropped ones are still to come from the log"
    for seq in range(MOST_AHEAD + 2, last + 1):
        sequence.offer(seq, message(seq))
    assert sequence.take() == messages(MOST_AHEAD + 2, last)
    assert not sequence.incomplete
