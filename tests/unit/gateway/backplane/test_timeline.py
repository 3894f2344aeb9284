"""Up to where two courses of a log are the same, whatever Redis went back to, and when."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from gateway.backplane.epochs import continuation, continues, went_back
from gateway.backplane.timeline import UNKNOWN, Timeline
from gateway.delivery.agreement import agreed_up_to

REMEMBERED = 5
"""Messages that a follower keeps at hand: fewer than roll-backs are long."""


@dataclass
class Data:
    """What a Redis has of one log: its messages, and what its meta says of them."""

    messages: list[int] = field(default_factory=list)
    ended: str = ""
    written_under: str = ""

    def copy(self) -> Data:
        return Data(self.messages.copy(), self.ended, self.written_under)

    def append(self, message: int, server: str) -> None:
        """As `log.lua` and `publish.lua` do."""
        if self.written_under and self.written_under != server:
            self.ended += f"{self.written_under}:{len(self.messages)} "
        self.written_under = server
        self.messages.append(message)


@dataclass
class Follower:
    """A node: what it handed out, and the course of the log when it last read it."""

    handed_out: list[int]
    timeline: Timeline
    server: str


class World:
    """One log, on a Redis that may go back to any earlier state of it."""

    def __init__(self) -> None:
        self.data = Data()
        self.saved: list[Data] = []
        self.servers = 0
        self.said = 0
        self.follower = Follower([], self.timeline(), self.server)

    @property
    def server(self) -> str:
        return f"{self.servers:040x}"

    def timeline(self) -> Timeline:
        data = self.data
        return Timeline.read(
            data.ended.encode(), data.written_under.encode(),
            server=self.server, seq=len(data.messages),
        )  # fmt: skip

    def say(self, count: int, *, heard: bool) -> None:
        for _ in range(count):
            self.said += 1
            self.data.append(self.said, self.server)
        if heard and self.follower.server == self.server:
            self.follower.handed_out = self.data.messages.copy()

    def save(self) -> None:
        self.saved.append(self.data.copy())

    def go_back(self, which: int) -> None:
        """Another server, with an earlier state or with this one."""
        self.servers += 1
        if self.saved and which:
            self.data = self.saved[which % len(self.saved)].copy()

    def verify(self, *, exactly: bool = False) -> None:
        """See what the follower would agree to; ``exactly``: though it remembers too little."""
        mine, log = self.follower, self.data.messages
        position = len(mine.handed_out)
        pairs = zip(mine.handed_out, log, strict=False)
        true = next((i for i, (a, b) in enumerate(pairs) if a != b), min(position, len(log)))
        remembered = list(enumerate(mine.handed_out, 1))[-REMEMBERED:]
        first = remembered[0][0] if remembered else position + 1
        agreed = agreed_up_to(
            remembered,
            dict(enumerate(log[first - 1 : position], first)),
            common=mine.timeline.common(position, self.timeline(), len(log)),
            position=position,
            seq=len(log),
        )
        assert agreed <= true, "nothing counts as agreed that is not"
        if exactly or true > position - REMEMBERED or not position:
            assert agreed == true
        self.follower = Follower(log.copy(), self.timeline(), self.server)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(1, 30), st.booleans()),
        st.tuples(st.just("save")),
        st.tuples(st.just("go_back"), st.integers(0, 9)),
        st.tuples(st.just("verify")),
    ),
    max_size=40,
)


@given(steps)
def test_agreed_is_never_more_than_the_truth(steps: list[tuple[object, ...]]) -> None:
    world = World()
    for name, *arguments in steps:
        match name:
            case "say":
                count, heard = arguments
                assert isinstance(count, int)
                world.say(count, heard=bool(heard))
            case "save":
                world.save()
            case "go_back":
                [which] = arguments
                assert isinstance(which, int)
                world.go_back(which)
            case _:
                world.verify()
    world.verify()


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 300), st.integers(0, 3))
def test_a_roll_back_of_any_length_is_measured_exactly(
    kept: int, lost: int, said_since: int, restarts: int
) -> None:
    """However much was said since, and however often Redis was restarted before."""
    world = World()
    world.say(kept, heard=True)
    for _ in range(restarts):
        world.go_back(0)
        world.say(1, heard=False)
        world.verify()
    world.save()
    world.say(lost, heard=True)
    world.go_back(1)
    world.say(said_since, heard=False)
    world.verify(exactly=True)


def test_a_log_that_is_shorter_on_the_same_server_was_tampered_with() -> None:
    same = Timeline((), "a")
    assert same.common(10, same, 12) == 10
    assert same.common(10, same, 9) is None


def test_nothing_is_known_of_a_log_whose_server_does_not_tell_its_id() -> None:
    assert UNKNOWN.common(10, Timeline((("a", 5),), "b"), 12) is None
    assert Timeline((), "a").common(10, UNKNOWN, 12) is None
    assert Timeline((), "a").common(10, Timeline((), "b"), 12) is None


def test_what_cannot_be_parsed_of_a_timeline_is_skipped() -> None:
    read = Timeline.read(b"\xffx:1 a:5 zz:7 b:9 c:", b"d", server="e", seq=20)
    assert read == Timeline((("a", 5), ("b", 9), ("d", 20)), "e")


def test_a_difference_that_the_timelines_vouch_for_makes_them_worthless() -> None:
    """Somebody edited the log."""
    remembered = [(8, "h"), (9, "i"), (10, "j")]
    agreed = agreed_up_to(remembered, {8: "x", 9: "y"}, common=9, position=10, seq=9)
    assert agreed == 0


def test_nothing_is_agreed_without_an_overlap() -> None:
    remembered = [(number, str(number)) for number in range(151, 201)]
    logged = {number: f"other {number}" for number in range(151, 201)}
    assert agreed_up_to(remembered, logged, common=None, position=200, seq=400) == 0
    assert agreed_up_to(remembered, {}, common=None, position=200, seq=100) == 0


@given(st.text(alphabet="0123456789abcdef", min_size=1), st.integers(1, 30), st.integers(1, 30))
def test_an_epoch_that_redis_went_back_to_is_told_from_a_later_one(
    root: str, first: int, further: int
) -> None:
    epochs = [root]
    for _ in range(first + further):
        epochs.append(continuation(epochs[-1]))
    early, late = epochs[first - 1], epochs[-1]
    assert continues(early, late)
    assert continues(late, early)
    assert went_back(early, late)
    assert not went_back(late, early)
    assert not went_back(late, late)
    beyond = continuation(early, beyond=late)
    assert not went_back(beyond, late)
    assert not went_back(os.urandom(5).hex(), late)
