"""What comes into the inboxes of one client, one for each of its sessions, written down."""

from __future__ import annotations

from typing import Final

from client.session import Connected
from gateway import wire
from tests.faults.directs import missing
from tests.faults.history import History, Hole, Stay

_UNKNOWN: Final = -1
"""Where an inbox goes on if that was not told: where the next message is."""


class Inbox:
    """The inbox of a client's present session.

    Before it is told that there is a connection something may have come over it already: that
    waits until it is known whose session it is.
    """

    def __init__(self, client: str, history: History) -> None:
        self._client = client
        self._history = history
        self._sessions = 0
        self._stay: Stay | None = None
        self._early: list[tuple[wire.DirectMessage | wire.Notice, float]] | None = []

    def connected(self, event: Connected, now: float) -> None:
        """There is a connection, of this session or of a new one."""
        early = self._early or []
        if not event.resumed:
            self.end(now)
            self._sessions += 1
            self._begin(f"{self._client}'s inbox {self._sessions}", "", 0, now)
        self._early = None
        for each, at in early:
            self.take(each, at)

    def disconnected(self) -> None:
        """There is none now."""
        self._early = []

    def end(self, now: float) -> None:
        """The session is over."""
        self._early = []
        if self._stay is not None:
            self._stay.ended, self._stay = now, None

    def take(self, event: wire.DirectMessage | wire.Notice, now: float) -> None:
        """Take a direct message, or what was told of a hole."""
        stay = self._stay
        if self._early is not None or stay is None:
            self._early = [*(self._early or []), (event, now)]
        elif isinstance(event, wire.Notice):
            up_to = _UNKNOWN if event.seq is None else event.seq
            epoch, after = event.epoch or "", stay.heard[-1][0] if stay.heard else stay.since
            stay.hole = Hole(self._client, stay.room, event.code, epoch, after, up_to, now)
            stay.ended = now
            self._begin(stay.room, epoch, up_to, now)
        else:
            if stay.since == _UNKNOWN:
                stay.since = event.seq - 1
            stay.epoch = stay.epoch or event.epoch
            if stay.epoch != event.epoch:
                complaint = f"{stay.room} went on in another epoch, and nobody was told"
                self._history.complaints.append(complaint)
                stay.epoch = event.epoch
            stay.heard.append((event.seq, event.text, now))

    def keep(self) -> None:
        """From here to the end of the run nothing of it may be missed."""
        if self._stay is not None:
            self._stay.kept = True

    def is_complete(self) -> bool:
        """Whether all has come that must have come."""
        return self._stay is None or not missing(self._stay, self._history)

    def _begin(self, name: str, epoch: str, since: int, now: float) -> None:
        self._stay = Stay(self._client, name, epoch, since, now)
        self._history.inboxes.append(self._stay)
