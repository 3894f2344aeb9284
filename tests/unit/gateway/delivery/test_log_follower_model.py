"""A log is followed through all that Redis may do to it: each message once, no loss silent."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.backplane.epochs import continuation
from gateway.backplane.log_page import LogPage
from gateway.backplane.payloads import message_seq, shorten
from gateway.backplane.timeline import Timeline
from gateway.delivery.log_follower import LogFollower
from gateway.delivery.log_memory import REMEMBERED, LogMemory
from gateway.delivery.log_states import (
    Gap,
    LogState,
    Loss,
    Read,
    RenewEpoch,
)
from tests.unit.gateway.delivery.messages import message


def name_of(encoded: bytes) -> str:
    return encoded.rpartition(b'"id":"')[2].removesuffix(b'"}').decode()


# --- a model of Redis, and of nodes around it -------------------------------------------------


@dataclass(frozen=True)
class Stored:
    """What Redis has of the log; one that is replaced stays as it was, to go back to."""

    epoch: str = ""
    messages: tuple[bytes, ...] = ()
    trimmed: int = 0
    ended: tuple[tuple[str, int], ...] = ()
    written_under: str = ""

    @property
    def seq(self) -> int:
        return len(self.messages)

    def page(self, server: str, request: Read) -> LogPage:
        kept = self.messages[max(self.trimmed, request.after) :][: request.limit]
        unfinished = self.written_under and self.written_under != server
        ended = (*self.ended, (self.written_under, self.seq)) if unfinished else self.ended
        return LogPage(self.epoch, self.seq, list(kept), Timeline(ended, server))

    def with_message(self, encoded: bytes, server: str) -> Stored:
        ended = self.ended
        if self.written_under and self.written_under != server:
            ended = (*ended, (self.written_under, self.seq))
        return replace(self, messages=(*self.messages, encoded), ended=ended, written_under=server)


@dataclass
class Node:
    """A node that follows the log, and everything that its clients have been given."""

    follower: LogFollower
    subscribed: bool = True
    connected: bool = True
    live: list[tuple[str, bytes]] = field(default_factory=list)
    asked: Read | RenewEpoch | None = None
    answer: LogPage | None = None
    told: dict[int, str] = field(default_factory=dict)
    """What clients believe that the log has, by seq."""
    missing: set[int] = field(default_factory=set)
    acknowledged: list[tuple[str, str, int]] = field(default_factory=list)
    """Names of messages that senders here were told are logged; with the epoch, if the node knew
    it then, and how many losses had been told."""
    losses: int = 0
    began_after: bytes | None = None
    """The last message of the log when a session began at its end, which had seen none of it."""

    def take(self) -> None:
        for encoded in self.follower.take():
            seq = message_seq(encoded)
            assert seq not in self.told, "given out twice"
            assert not self.told or seq > max(self.told), "given out of order"
            self.told[seq] = name_of(encoded)


class AnyCourse(RuleBasedStateMachine):
    """Messages are logged, heard late or never; nodes read; Redis goes back to earlier states."""

    @initialize(recent=st.lists(st.booleans(), min_size=1, max_size=3), length=st.integers(0, 130))
    def begin(self, recent: list[bool], length: int) -> None:
        self.names = map(str, itertools.count(1))
        self.stored = Stored()
        self.server = "a0"
        self.past = [self.stored]
        self.rolled_back = False
        for _ in range(length):
            self._log()
        self.nodes: list[Node] = []
        for is_room in recent:
            memory = LogMemory(None if is_room else shorten)
            follower = LogFollower(memory)
            page = self.stored.page(self.server, Read(0, 10_000, False, 0, 0, ()))
            memory.extend(page.messages[-REMEMBERED:]) if page.messages else None
            follower.start(page.epoch, page.seq, page.timeline)
            told = {message_seq(m): name_of(m) for m in page.messages}
            self.nodes.append(Node(follower, told=told))

    def _log(self) -> bytes:
        if not self.stored.epoch:
            self.stored = replace(self.stored, epoch=f"e{len(self.past)}x{next(self.names)}")
        encoded = message(self.stored.seq + 1, next(self.names))
        self.stored = self.stored.with_message(encoded, self.server)
        if self.stored.seq % 20 == 1:
            self.past.append(self.stored)
        return encoded

    def node(self, number: int) -> Node:
        return self.nodes[number % len(self.nodes)]

    @rule(count=st.integers(1, 120), sender=st.integers(0, 2), is_acknowledged=st.booleans())
    def log(self, count: int, sender: int, is_acknowledged: bool) -> None:
        node = self.node(sender)
        for _ in range(count):
            encoded = self._log()
            for each in self.nodes:
                if each.subscribed:
                    each.live.append((self.stored.epoch, encoded))
            if is_acknowledged and node.connected:
                node.follower.acknowledge(message_seq(encoded), self.server)
                known = node.follower.epoch == self.stored.epoch
                epoch = self.stored.epoch if known else ""
                node.acknowledged.append((name_of(encoded), epoch, node.losses))
        self.past.append(self.stored)

    @rule(number=st.integers(0, 2), count=st.integers(1, 150), is_swapped=st.booleans())
    def hear(self, number: int, count: int, is_swapped: bool) -> None:
        node = self.node(number)
        some, node.live = node.live[:count], node.live[count:]
        if is_swapped and len(some) > 1:
            some[-1], some[-2] = some[-2], some[-1]
        for epoch, encoded in some:
            if node.follower.belongs_to(epoch):
                node.follower.live(message_seq(encoded), encoded)

    @rule(number=st.integers(0, 2))
    def lose_the_subscription(self, number: int) -> None:
        node = self.node(number)
        node.subscribed, node.live = False, []

    @rule(number=st.integers(0, 2))
    def subscribe(self, number: int) -> None:
        node = self.node(number)
        if node.connected and not node.subscribed:
            node.subscribed = True
            node.follower.resubscribed()
            node.follower.missed()

    @rule(number=st.integers(0, 2))
    def sign_in(self, number: int) -> None:
        """Follow the log from its end on, as the new session of an account does."""
        node = self.node(number)
        if not (node.connected and node.subscribed):
            return
        last = max(0, self.stored.seq - 1)
        page = self.stored.page(self.server, Read(last, 1, False, 0, 0, ()))
        follower = LogFollower(LogMemory(shorten))
        follower.start(page.epoch, page.seq, page.timeline)
        began_after = self.stored.messages[-1] if page.seq else None
        missing = set(range(1, page.seq + 1))
        # What was published before may still be heard.
        self.nodes[number % len(self.nodes)] = Node(
            follower, live=node.live, missing=missing, began_after=began_after
        )

    @rule(number=st.integers(0, 2))
    def ask(self, number: int) -> None:
        node = self.node(number)
        if node.connected and node.asked is None:
            node.asked = node.follower.request()

    @rule(number=st.integers(0, 2))
    def serve(self, number: int) -> None:
        """Have Redis carry out what a node has asked for; it does not know of it yet."""
        node = self.node(number)
        if node.connected and isinstance(node.asked, RenewEpoch):
            self._renew(node.asked)
        elif node.connected and isinstance(node.asked, Read) and node.answer is None:
            node.answer = self.stored.page(self.server, node.asked)

    def _renew(self, asked: RenewEpoch) -> None:
        if self.stored.epoch != asked.epoch:
            return
        new = f"n{next(self.names)}"
        if asked.epoch:
            new = continuation(asked.epoch, beyond=asked.beyond)
        self.stored = replace(self.stored, epoch=new)
        self.past.append(self.stored)

    @rule(number=st.integers(0, 2), is_lost=st.booleans())
    def answer(self, number: int, is_lost: bool) -> None:
        node = self.node(number)
        if is_lost:
            node.asked = node.answer = None
        elif isinstance(node.asked, RenewEpoch):
            self.serve(number)
            if node.connected:
                node.asked = None
                node.follower.renewed()
        elif isinstance(node.asked, Read) and node.answer is not None:
            self._take_page(node, node.asked, node.answer)
            node.asked = node.answer = None

    def _take_page(self, node: Node, asked: Read, page: LogPage) -> None:
        # The sender of a message that is not given out yet may be told of the loss of it.
        outcome = node.follower.take_page(asked, page)
        if isinstance(outcome, Loss):
            assert self.rolled_back, "a loss of nothing"
            if node.began_after in self.stored.messages[: outcome.had]:
                began = message_seq(node.began_after or b"")
                assert outcome.agreed >= began, "what is from before the session is repeated"
            node.losses += 1
            node.told = {seq: name for seq, name in node.told.items() if seq <= outcome.agreed}
            node.missing = {seq for seq in node.missing if seq <= outcome.agreed}
        elif isinstance(outcome, Gap):
            node.take()
            node.missing |= set(range(outcome.after + 1, outcome.up_to + 1))

    @rule(number=st.integers(0, 2))
    def give_out(self, number: int) -> None:
        self.node(number).take()

    @rule(share=st.floats(0, 1))
    def trim(self, share: float) -> None:
        trimmed = max(self.stored.trimmed, int(self.stored.seq * share))
        self.stored = replace(self.stored, trimmed=trimmed)
        self.past.append(self.stored)

    @rule(share=st.floats(0, 1))
    def roll_back(self, share: float) -> None:
        """Go on from an earlier state, under another replication id; nobody is connected."""
        self.rolled_back = True
        self.stored = self.past[int((len(self.past) - 1) * share)]
        self.server = f"a{next(self.names)}"
        for node in self.nodes:
            node.connected = node.subscribed = False
            node.live, node.asked, node.answer = [], None, None

    @rule(number=st.integers(0, 2))
    def connect(self, number: int) -> None:
        node = self.node(number)
        if not node.connected:
            node.connected = node.subscribed = True
            node.follower.mark_unverified()
            node.follower.resubscribed()
            node.follower.missed()

    @invariant()
    def what_is_given_out_is_in_order(self) -> None:
        for node in getattr(self, "nodes", []):
            node.take()

    def teardown(self) -> None:
        if not hasattr(self, "nodes"):
            return
        for number in range(len(self.nodes)):
            self.connect(number)
            self.subscribe(number)
        self.settle()
        self.log(1, 0, is_acknowledged=False)  # who has lost nothing hears of a new epoch with it
        self.settle()
        self.check()

    def settle(self) -> None:
        for _ in range(100):
            for number, node in enumerate(self.nodes):
                self.ask(number)
                self.serve(number)
                self.answer(number, is_lost=False)
                self.hear(number, 100_000, is_swapped=False)
                node.take()

    def check(self) -> None:
        logged = {message_seq(m): name_of(m) for m in self.stored.messages}
        for node in self.nodes:
            assert node.follower.state is LogState.CURRENT
            assert node.follower.epoch == self.stored.epoch
            assert node.follower.position == self.stored.seq
            assert {**logged, **node.told} == logged, "clients believe what the log does not have"
            unheard = logged.keys() - node.told.keys() - node.missing
            assert not unheard, "in the log, and never given out"
            for name, epoch, losses in node.acknowledged:
                if name not in logged.values():
                    assert node.losses > losses, "acknowledged, lost, and nobody here is told"
                    assert epoch != self.stored.epoch, "and nobody who comes back"


AnyCourse.TestCase.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
TestAnyCourse = AnyCourse.TestCase
