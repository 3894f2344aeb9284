"""Records what comes into one client's inboxes: one inbox for each of its sessions. Pure."""

from __future__ import annotations

from typing import Final

from client.session import Connected
from gateway import wire
from tests.faults.checkers.inboxes import missing
from tests.faults.history import Observation, ReportedGap, RunHistory

_UNKNOWN: Final = -1
"""Where an inbox continues if that was not told: with the next message."""


class InboxRecorder:
    """The inbox of a client's present session.

    Messages may come over a connection before the client is told of it. They are kept until it is
    known whether the connection is of the same session or of a new one.
    """

    def __init__(self, client: str, history: RunHistory, *, outlives_session: bool = False) -> None:
        """Record one that begins with each session or, if it outlives them, goes on there."""
        self._first = _UNKNOWN if outlives_session else 0
        self._client = client
        self._history = history
        self._sessions = 0
        self._observation: Observation | None = None
        self._early: list[tuple[wire.DirectMessage | wire.Notice, float]] | None = []

    def connected(self, event: Connected, now: float) -> None:
        """Record that there is a connection, of this session or of a new one."""
        early = self._early or []
        if not event.resumed:
            self.end(now)
            self._sessions += 1
            self._begin(f"{self._client}'s inbox {self._sessions}", "", self._first, now)
        self._early = None
        for each, at in early:
            self.receive(each, at)

    def disconnected(self) -> None:
        """Record that there is no connection."""
        self._early = []

    def end(self, now: float) -> None:
        """Record that the session is over."""
        self._early = []
        if self._observation is not None:
            self._observation.ended, self._observation = now, None

    def receive(self, event: wire.DirectMessage | wire.Notice, now: float) -> None:
        """Record a direct message, or the notice of a gap."""
        observation = self._observation
        if self._early is not None or observation is None:
            self._early = [*(self._early or []), (event, now)]
        elif isinstance(event, wire.Notice):
            self._receive_gap(observation, event, now)
        else:
            self._receive_message(observation, event, now)

    def _receive_gap(self, observation: Observation, notice: wire.Notice, now: float) -> None:
        up_to = _UNKNOWN if notice.seq is None else notice.seq
        after = observation.received[-1][0] if observation.received else observation.since
        stream, epoch = observation.stream, notice.epoch or ""
        observation.gap = ReportedGap(self._client, stream, notice.code, epoch, after, up_to, now)
        observation.ended = now
        self._begin(stream, epoch, up_to, now)

    def _receive_message(
        self, observation: Observation, message: wire.DirectMessage, now: float
    ) -> None:
        if observation.since == _UNKNOWN:
            observation.since = message.seq - 1
        observation.epoch = observation.epoch or message.epoch
        if observation.epoch != message.epoch:
            error = f"{observation.stream} went on in another epoch, and nobody was told"
            self._history.errors.append(error)
            observation.epoch = message.epoch
        observation.received.append((message.seq, message.text, now))

    def keep(self) -> None:
        """Say that from now on to the end of the run nothing may be missing."""
        if self._observation is not None:
            self._observation.kept = True

    def is_complete(self) -> bool:
        """Return whether everything has come that must have come."""
        return self._observation is None or not missing(self._observation, self._history)

    def _begin(self, stream: str, epoch: str, since: int, now: float) -> None:
        self._observation = Observation(self._client, stream, epoch, since, now)
        self._history.inboxes.append(self._observation)
