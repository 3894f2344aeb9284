"""What Redis may lose, provided that everybody concerned was told. Pure.

Replication is asynchronous: a primary that dies takes with it what its replica had not received.
The promise is then that nobody is left to believe that a lost message is there. A loss is allowed
if both hold:

- a fault explains it: the message came into its log while the fault lasted, or the fault deleted it
- whoever had the message, or was told that it is there, was told of a loss afterwards: the stream
  went on in another epoch
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tests.faults.close_reasons import NICK_LOST_REASON
from tests.faults.history import (
    NOT_RECOVERED,
    InjectedFault,
    Observation,
    ReceivedMessage,
    ReportedGap,
    RunHistory,
    SendOperation,
    SessionEnd,
)

SLACK_SECONDS: Final = 3.0
"""How long an answer may take from a node to its client on a busy machine."""

FINDING_OUT_SECONDS: Final = 1.0
"""How long after a loss some nodes may not know of it yet."""

Logs = dict[str, list[dict[int, str]]]
"""Every client's last read of each room: texts by ``seq``."""


class AllowedLosses:
    """Says of each loss, gap and session end whether the faults of a run allow it.

    Whoever had a lost message must have been told within ``patience`` seconds after the fault.
    """

    def __init__(self, history: RunHistory, logs: Logs, *, patience: float) -> None:
        self._history = history
        self._logs = {room: reads[0] for room, reads in logs.items()}
        self._patience = patience
        self._lossy = [fault for fault in history.faults if fault.losses]
        self._sends = {send.text: send for send in history.room_sends + history.direct_sends}
        self._answered_after = [self._first_answers(fault.end) for fault in self._lossy]
        self._known_at: dict[str, float] = {}
        for text, at in self._sightings():
            self._known_at[text] = min(at, self._known_at.get(text, at))

    def _sightings(self) -> Iterator[tuple[str, float]]:
        """Yield every message that was acknowledged or received, and when."""
        for send in self._sends.values():
            if send.completed_at is not None:
                yield send.text, send.completed_at
        for observation in self._history.rooms + self._history.inboxes:
            for _, text, at in observation.received:
                yield text, at

    def _first_answers(self, after: float) -> dict[str, float]:
        """Return when each client first had an answer to something it sent after that time."""
        first: dict[str, float] = {}
        for send in self._sends.values():
            if send.invoked_at > after and send.completed_at is not None:
                first[send.client] = min(send.completed_at, first.get(send.client, math.inf))
        return first

    def _causes(self, text: str) -> list[InjectedFault]:
        """Return the faults by which a message may have been lost."""
        pairs = zip(self._lossy, self._answered_after, strict=True)
        return [fault for fault, answered in pairs if self._may_lose(fault, answered, text)]

    def _may_lose(self, fault: InjectedFault, answered: dict[str, float], text: str) -> bool:
        """Return whether a fault deleted a message, or lasted when it came into its log.

        That is so if it was sent before the end of the fault, and first known of after the
        beginning. Its answer may come late, but not after the answer to something that its client
        sent after the fault. Where an old primary goes on, it is so until that is left.
        """
        at, send = self._known_at.get(text, -math.inf), self._sends.get(text)
        if text in fault.deleted:
            return True
        if send is None or at < fault.began:
            return False
        if fault.late is not None:
            return at <= fault.end + fault.late + SLACK_SECONDS
        return send.invoked_at <= fault.end and at <= answered.get(send.client, math.inf)

    def _was_told(self, observation: Observation, causes: list[InjectedFault]) -> bool:
        """Return whether somebody was told of what one of these faults did, or left before."""
        ended = observation.ended
        return ended is not None and any(ended <= each.end + self._patience for each in causes)

    # --- messages in rooms --------------------------------------------------------------------

    def allow_send(self, send: SendOperation) -> bool:
        """Return whether an acknowledged message is gone, and its sender was told."""
        causes = self._causes(send.text)
        if not causes or send.completed_at is None or send.target not in self._logs:
            return False
        if send.text in self._logs[send.target].values():
            return False
        # Not the time of the answer: its sender may read that after the notice of a loss.
        known_at = self._known_at.get(send.text, send.completed_at)
        own = [
            each
            for each in self._history.rooms
            if (each.client, each.stream) == (send.client, send.target) and each.began <= known_at
        ]
        latest = max(own, key=lambda each: each.began, default=None)
        return latest is None or self._was_told(latest, causes)

    def seconds_late(self, send: SendOperation) -> float:
        """Return how long after the fault that lost it a message was acknowledged."""
        assert send.completed_at is not None
        return send.completed_at - max(fault.end for fault in self._causes(send.text))

    def without_lost(self, observation: Observation) -> Observation:
        """Return an observation of a room without the messages whose loss is allowed."""
        received = [
            each for each in observation.received if not self._allow_received(observation, each)
        ]
        return replace(observation, received=received)

    def _allow_received(self, observation: Observation, message: ReceivedMessage) -> bool:
        """Return whether a message that a client had received is gone, and it was told."""
        seq, text, _ = message
        log, gap = self._logs.get(observation.stream), observation.gap
        if log is None or log.get(seq) == text:
            return False
        still_there = gap is not None and gap.reason == "history_lost" and seq <= gap.up_to
        confirmed_at = gap.at if gap is not None and still_there else -math.inf
        causes = [fault for fault in self._causes(text) if fault.began > confirmed_at]
        return self._was_told(observation, causes)

    # --- direct messages ----------------------------------------------------------------------

    def allow_direct(self, text: str, *inboxes: Observation | None) -> bool:
        """Return whether a message may be gone, and the reader of one of these inboxes knows."""
        causes = self._causes(text)
        return any(inbox is not None and self._was_told(inbox, causes) for inbox in inboxes)

    def allow_in_log(self, text: str) -> bool:
        """Return whether a direct message may be missing in what is read at the end.

        Whether those were told who had received it is judged by `allow_direct`.
        """
        return bool(self._causes(text))

    # --- what clients were told ---------------------------------------------------------------

    def allow_inbox_gap(self, gap: ReportedGap) -> bool:
        """Return whether the reader of an inbox had to be told of a gap: once for each loss."""
        gaps = [
            inbox.gap
            for inbox in self._history.inboxes
            if inbox.stream == gap.stream and inbox.gap is not None
        ]
        return gaps.index(gap) < self._losses_before(gap)

    def allow_gap(self, gap: ReportedGap) -> bool:
        """Return whether a client had to be told of a gap in a room.

        - Each loss explains one new epoch that the clients in a room are told of. An epoch that
          nobody is told of needs no loss: an empty room without messages begins anew.
        - Somebody who comes back to a node that did not see the loss, before others have reported
          it, is told in the epoch that they know.
        """
        observations = [each for each in self._history.rooms if each.stream == gap.stream]
        epoch_before = {id(each.gap): each.epoch for each in observations}
        if gap.epoch == epoch_before.get(id(gap)):
            return gap.reason == NOT_RECOVERED and any(
                fault.began <= gap.at <= fault.end + FINDING_OUT_SECONDS for fault in self._lossy
            )
        first = min(observations, key=lambda each: each.began).epoch
        new_epochs = list(
            dict.fromkeys(
                each.epoch
                for each in sorted(self._history.gaps, key=lambda each: each.at)
                if each.stream == gap.stream and each.epoch != epoch_before.get(id(each))
            )
        )
        return gap.epoch != first and new_epochs.index(gap.epoch) < self._losses_before(gap)

    def _losses_before(self, gap: ReportedGap) -> int:
        return sum(fault.losses for fault in self._lossy if fault.began <= gap.at)

    def allow_session_end(self, end: SessionEnd) -> bool:
        """Return whether a session lost its nickname because Redis went back to an older state.

        The nickname then belongs again to whoever had it before.
        """
        return end.reason == NICK_LOST_REASON and any(
            fault.began <= end.at <= fault.end + self._patience for fault in self._lossy
        )
