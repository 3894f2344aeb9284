"""Follows the log of a room or an inbox, by the states of `gateway.delivery.log_states`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from gateway.backplane import Timeline, continues, went_back
from gateway.backplane.log_page import LogPage
from gateway.backplane.payloads import identity, message_seq
from gateway.backplane.timeline import UNKNOWN
from gateway.delivery.agreement import agreed_up_to
from gateway.delivery.log_memory import REMEMBERED, LogMemory
from gateway.delivery.log_states import (
    TRANSITIONS,
    Filled,
    Gap,
    LogEvent,
    LogState,
    Loss,
    Read,
    RenewEpoch,
)
from gateway.state_machine import next_state

PAGE: Final = 100
"""Messages that one read of a log returns, at most."""
MOST_AHEAD: Final = 5_000
"""Early messages that are kept; more are dropped, since the log has them."""

_READING: Final = frozenset({LogState.BEHIND, LogState.VERIFYING})
_ASKING: Final = _READING | {LogState.LOST}
_TAKING: Final = frozenset({LogState.CURRENT, LogState.BEHIND})
_POSTPONED: Final = frozenset({LogEvent.MISSED, LogEvent.UNVERIFIED})
_VOIDS_PAGES: Final = frozenset({LogEvent.UNVERIFIED, LogEvent.CONTRADICTED})


class LogFollower:
    """Follows one log; the theory of operation is in `gateway.delivery.log_states`.

    ``position`` is the last message delivered, in ``epoch``. A node has one for each session, so it
    is cheap to make.
    """

    __slots__ = (
        "_acknowledged", "_ahead", "_has_hole", "_last_live", "_lost_epoch", "_missed", "_number",
        "_postponed", "_ready", "epoch", "frontier", "highest", "memory", "position", "state",
        "timeline",
    )  # fmt: skip

    def __init__(self, memory: LogMemory | None = None) -> None:
        self.state = LogState.OPENING
        self.epoch = ""
        """The log's epoch; empty while there is no log."""
        self.position = 0
        self.timeline: Timeline = UNKNOWN
        """The timeline of the log as last read, if that was the log that was delivered."""
        self.memory = memory or LogMemory()
        self.frontier = 0
        """The last message that was delivered, or is ready to be."""
        self._ready: list[bytes] = []
        self._has_hole = False
        """Whether messages are gone for good between those in `_ready`, or after them."""
        self._ahead: dict[int, bytes] = {}
        """Messages received before their predecessors, by ``seq``."""
        self.highest = 0
        """The last message known to be logged."""
        self._last_live = 0
        """The message that was received live last; 0 after a new subscription."""
        self._acknowledged: dict[str, int] = {}
        """The last acknowledged message for each replication id under which it was written."""
        self._missed = False
        """Whether messages may have been missed since the last request."""
        self._number = 0
        """Incremented whenever pages of earlier requests have become invalid."""
        self._postponed: LogEvent | None = None
        """The event that happened while the log was being opened."""
        self._lost_epoch = ""
        """The epoch that is to be renewed, in the state LOST."""

    # --- events -------------------------------------------------------------------------------

    def start(self, epoch: str, position: int, timeline: Timeline) -> None:
        """Follow the log after a position; call it once."""
        self.epoch, self.timeline = epoch, timeline
        self.position = self.frontier = self.highest = position
        self._on(LogEvent.OPENED)
        if self._postponed is not None:
            self._on(self._postponed)

    def live(self, seq: int, message: bytes) -> None:
        """Receive a live message, which was published in the log's epoch."""
        if seq == self.frontier + 1 and self.state is LogState.CURRENT:
            self._ready.append(message)
            self.frontier = self.highest = self._last_live = seq
        else:
            self._take_out_of_turn(seq, message)

    def belongs_to(self, epoch: str) -> bool:
        """Return whether this is the log's epoch; if not, the log is read again.

        A log without an epoch gets this one.
        """
        if not self.epoch:
            self.epoch = epoch
        if self.epoch != epoch:
            self.missed()
        return self.epoch == epoch

    def missed(self) -> None:
        """Record that live messages may have been missed."""
        self._missed = True
        self._on(LogEvent.MISSED)

    def resubscribed(self) -> None:
        """Record that live messages may continue at any ``seq``."""
        self._last_live = 0

    def mark_unverified(self) -> None:
        """Record that Redis may have lost data."""
        if self.epoch or self._acknowledged or self.state is LogState.OPENING:
            self._on(LogEvent.UNVERIFIED)

    def acknowledge(self, seq: int, written_under: str) -> None:
        """Record that a message is acknowledged to its sender.

        ``written_under`` is the replication id of the server that logged it; empty if unknown.
        """
        if written_under and seq > self._acknowledged.get(written_under, 0):
            self._acknowledged[written_under] = seq

    def restart(self) -> None:
        """Drop what was not delivered yet, and read it again."""
        self._drop()
        self.missed()

    def close(self) -> None:
        """Stop following the log."""
        self._on(LogEvent.CLOSED)
        self._drop()

    # --- messages -----------------------------------------------------------------------------

    @property
    def due(self) -> bool:
        """Whether `take` would return any messages."""
        return bool(self._ready)

    def take(self) -> list[bytes]:
        """Return the messages that are next in order, and count them as delivered."""
        ready, self._ready = self._ready, []
        if ready:
            self.position = self.frontier
            if self._has_hole:
                self._has_hole = False
                self.memory.cut(0)
                self.memory.extend(_after_last_hole(ready, self.frontier))
            else:
                self.memory.extend(ready)
        return ready

    def replace(self, rewrite: Callable[[list[bytes]], list[bytes]]) -> None:
        """Rewrite the messages that are not delivered yet, one for one."""
        self._ready = rewrite(self._ready)
        self._ahead = dict(zip(self._ahead, rewrite(list(self._ahead.values())), strict=True))

    # --- requests -----------------------------------------------------------------------------

    @property
    def is_behind(self) -> bool:
        """Whether `request` would return one."""
        return self.state is not LogState.CURRENT and self.state in _ASKING

    def request(self) -> Read | RenewEpoch | None:
        """Return what to read or do next; None if nothing."""
        if self.state is LogState.LOST:
            return RenewEpoch(self._lost_epoch, self.epoch)
        if self.state not in _READING:
            return None
        self._missed = False
        compares = self.state is LogState.VERIFYING
        after = min(self.memory.first - 1, self.position) if compares else self.frontier
        acknowledged = tuple(self._acknowledged.items())
        limit = PAGE + REMEMBERED if compares else PAGE
        return Read(after, limit, compares, self._number, self.highest, acknowledged)

    def take_page(self, request: Read, page: LogPage) -> Filled | Gap | Loss | None:
        """Process a page; return its result, None if it only led to another request."""
        if request.number != self._number or self.state not in _READING:
            return None  # outdated by something that happened meanwhile
        if request.compares:
            return self._verify(request, page)
        if self._is_continuation(request, page):
            return self._fill(page)
        self._on(LogEvent.CONTRADICTED)
        return None

    def renewed(self) -> None:
        """Record that the epoch was renewed, by this node or another."""
        self._on(LogEvent.RENEWED)

    # --- inside -------------------------------------------------------------------------------

    def _on(self, event: LogEvent) -> None:
        before = self.state
        if before is LogState.OPENING and event in _POSTPONED:
            if self._postponed is not LogEvent.UNVERIFIED:
                self._postponed = event
            return
        self.state = next_state(TRANSITIONS, before, event)
        if event in _VOIDS_PAGES:
            self._drop()

    def _drop(self) -> None:
        """Forget what was not delivered, and invalidate pages of earlier requests."""
        self._ready = []
        self._has_hole = False
        self._ahead = {}
        self.frontier = self.position
        self._number += 1

    def _take_out_of_turn(self, seq: int, message: bytes) -> None:
        in_order, self._last_live = seq > self._last_live, seq
        self.highest = max(self.highest, seq)
        if self.state is LogState.OPENING:
            self.missed()
        elif self.state not in _TAKING:
            return
        elif seq > self.frontier:
            self._hold(seq, message)
            if self.frontier < self.highest:
                self._on(LogEvent.JUMPED)
        elif (known := self._identity_at(seq)) is None:
            if not in_order:
                self.missed()  # either it was late, or numbers are being used again
        elif known != identity(message):
            self._on(LogEvent.CONTRADICTED)

    def _hold(self, seq: int, message: bytes) -> None:
        """Make a message ready, and those that follow it; or keep it for later if it is early."""
        if seq != self.frontier + 1:
            if len(self._ahead) < MOST_AHEAD:
                self._ahead[seq] = message
            return
        self._ready.append(message)
        self.frontier = seq
        while (following := self._ahead.pop(self.frontier + 1, None)) is not None:
            self._ready.append(following)
            self.frontier += 1

    def _identity_at(self, seq: int) -> bytes | None:
        """Return the identity of the message at ``seq``; None if that is not remembered."""
        if seq <= self.position:
            return self.memory.identity_at(seq)
        found = (message for message in self._ready if message_seq(message) == seq)
        return next(map(identity, found), None)

    def _is_continuation(self, request: Read, page: LogPage) -> bool:
        """Return whether a page continues the log that was followed, and did not fall back."""
        is_same_server = self.timeline.current in {"", page.timeline.current}
        return (
            self.epoch in {"", page.epoch}
            and page.seq >= request.highest
            and not page.went_back
            and is_same_server
        )

    def _verify(self, request: Read, page: LogPage) -> Filled | Gap | Loss | None:
        agreed = self._agreed(page)
        lacks = (
            agreed < self.position
            or page.seq < request.highest
            or page.went_back
            or self._lacks_acknowledged(request.acknowledged, page)
        )
        self.epoch = self.epoch or page.epoch
        if page.epoch == self.epoch:
            if not lacks:
                # Losses of delivered messages are found by the memory from now on.
                self._forget_acknowledged(lambda seq, _: seq <= self.position)
                self._on(LogEvent.INTACT)
                return self._fill(page)
        elif page.epoch and not went_back(page.epoch, self.epoch):
            return self._continue_after_loss(page, agreed)
        self._lost_epoch = page.epoch
        self._on(LogEvent.LACKING)
        return None

    def _agreed(self, page: LogPage) -> int:
        if self.epoch and not continues(page.epoch, self.epoch):
            return 0
        return agreed_up_to(
            self.memory.identities().items(),
            {message_seq(message): identity(message) for message in page.messages},
            common=self.timeline.common(self.position, page.timeline, page.seq),
            position=self.position,
            seq=page.seq,
        )

    @staticmethod
    def _lacks_acknowledged(acknowledged: Sequence[tuple[str, int]], page: LogPage) -> bool:
        """Return whether a log lacks messages that were acknowledged to senders here."""
        return not all(
            page.timeline.has(seq, written_under, at=page.seq)
            for written_under, seq in acknowledged
        )

    def _forget_acknowledged(self, is_settled: Callable[[int, str], bool]) -> None:
        self._acknowledged = {
            under: seq for under, seq in self._acknowledged.items() if not is_settled(seq, under)
        }

    def _continue_after_loss(self, page: LogPage, agreed: int) -> Loss:
        loss = Loss(agreed, had=self.position)
        self.epoch, self.timeline = page.epoch, page.timeline
        self._forget_acknowledged(lambda seq, under: not page.timeline.has(seq, under, at=page.seq))
        self.memory.cut(agreed)
        self.position = self.highest = agreed
        self._last_live = 0
        self._drop()
        self._on(LogEvent.CONTINUED)
        return loss

    def _fill(self, page: LogPage) -> Filled | Gap:
        self.epoch, self.timeline = page.epoch, page.timeline
        after = self.frontier
        news = [m for m in page.messages if message_seq(m) > after]
        first = message_seq(news[0]) if news else page.seq + 1
        if first > after + 1:
            self._skip(first - 1)
        for message in news:
            self._hold(message_seq(message), message)
        self.highest = max(self.highest, page.seq)
        if self.frontier == self.highest and not self._missed:
            self._on(LogEvent.CAUGHT_UP)
        return Gap(after, first - 1) if first > after + 1 else Filled()

    def _skip(self, up_to: int) -> None:
        """Continue after messages that are gone for good."""
        self.frontier = up_to
        self._ahead = {seq: message for seq, message in self._ahead.items() if seq > up_to}
        if self._ready:
            self._has_hole = True
        else:
            self.position = up_to
            self.memory.cut(0)


def _after_last_hole(messages: list[bytes], last: int) -> list[bytes]:
    """Return the last of these ordered messages, without a hole between them and ``last``."""
    kept: list[bytes] = []
    for message in reversed(messages):
        if message_seq(message) != last - len(kept):
            break
        kept.append(message)
    return kept[::-1]
