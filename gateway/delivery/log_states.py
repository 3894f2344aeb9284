"""The states of a followed log, and what changes them. Pure.

Theory of operation
===================

A log is a stream in Redis. Its messages are numbered by ``seq``: 1, 2, 3, …; only the oldest are
ever dropped. Each message is also published when it is logged, so that nodes hear it live.

A `LogFollower` takes what is heard live and what is read from the log, from either in any order,
and gives every message out once, in order (`LogFollower.take`). It does no I/O: `request` says what
is to be read or done next, `take_page` and `renewed` take what came of it.

Redis may lose the newest messages, though they were acknowledged: it is restarted from a backup, or
fails over to a replica that lacked them. What is logged next takes their numbers. Four things keep
that from going unnoticed, or being told twice:

- The *epoch* names the log. Whoever finds that messages are missing from it renews the epoch
  before anything else, so that every node, and every client that comes back, learns of the loss.
- The *timeline* says under which replication ids of Redis the log was written (`Timeline`).
- The follower's *memory* has the last messages that it gave out. A log that has another message in
  the place of one of them has lost that one, and all behind it.
- The messages *acknowledged* to senders here: they may be lost before anybody heard them.

The last message up to which the log is what was given out is called *agreed*. It is found from the
timeline, and from the messages that both memory and log have. Where neither tells, nothing is
agreed: everything in the log counts as news, because passing over an acknowledged message would be
worse than repeating one.

States
------

==========  ================================================================  ====================
OPENING     Where the log is has not been read yet.                           `start` comes next
CURRENT     Everything that was heard of has been given out.                  nothing to do
BEHIND      Something may be in the log that was not heard.                   read on
VERIFYING   The log may lack what was given out: nothing is given out.        read and compare
LOST        The log lacks something, and its epoch does not say so.           renew the epoch
CLOSED      Nobody wants the log any more.                                    nothing to do
==========  ================================================================  ====================

Messages that are heard while the follower is VERIFYING or LOST are not kept: it is unknown in which
course of the log they are. They are read from the log afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from gateway.backplane import Timeline
from gateway.state_machine import Symbol


class LogState(Symbol):
    """What a follower knows of its log; see above."""

    OPENING = "opening"
    CURRENT = "current"
    BEHIND = "behind"
    VERIFYING = "verifying"
    LOST = "lost"
    CLOSED = "closed"


class LogEvent(Symbol):
    """What may change a follower's state."""

    OPENED = "opened"
    JUMPED = "jumped"
    """A live message came before its turn."""
    MISSED = "missed"
    """Something may have been logged that was not heard, such as while the connection was lost."""
    UNVERIFIED = "unverified"
    """Redis may have lost data."""
    CONTRADICTED = "contradicted"
    """A message, or a page of the log, is not what the log had before."""
    CAUGHT_UP = "caught up"
    INTACT = "intact"
    """The log has everything that was given out and acknowledged."""
    LACKING = "lacking"
    """It has not, and its epoch is the one before the loss, or an older one."""
    CONTINUED = "continued"
    """It has not, and its epoch says so."""
    RENEWED = "renewed"
    CLOSED = "closed"


TRANSITIONS: Final[dict[LogState, dict[LogEvent, LogState]]] = {
    LogState.OPENING: {
        LogEvent.OPENED: LogState.CURRENT,
        LogEvent.CLOSED: LogState.CLOSED,
    },
    LogState.CURRENT: {
        LogEvent.JUMPED: LogState.BEHIND,
        LogEvent.MISSED: LogState.BEHIND,
        LogEvent.UNVERIFIED: LogState.VERIFYING,
        LogEvent.CONTRADICTED: LogState.VERIFYING,
        LogEvent.CLOSED: LogState.CLOSED,
    },
    LogState.BEHIND: {
        LogEvent.JUMPED: LogState.BEHIND,
        LogEvent.MISSED: LogState.BEHIND,
        LogEvent.CAUGHT_UP: LogState.CURRENT,
        LogEvent.UNVERIFIED: LogState.VERIFYING,
        LogEvent.CONTRADICTED: LogState.VERIFYING,
        LogEvent.CLOSED: LogState.CLOSED,
    },
    LogState.VERIFYING: {
        LogEvent.MISSED: LogState.VERIFYING,
        LogEvent.UNVERIFIED: LogState.VERIFYING,
        LogEvent.INTACT: LogState.BEHIND,
        LogEvent.LACKING: LogState.LOST,
        LogEvent.CONTINUED: LogState.BEHIND,
        LogEvent.CLOSED: LogState.CLOSED,
    },
    LogState.LOST: {
        LogEvent.MISSED: LogState.LOST,
        LogEvent.UNVERIFIED: LogState.LOST,
        LogEvent.RENEWED: LogState.VERIFYING,
        LogEvent.CLOSED: LogState.CLOSED,
    },
    LogState.CLOSED: dict.fromkeys(LogEvent, LogState.CLOSED),
}
"""What each event makes of each state. What is not here cannot happen."""


class Read(NamedTuple):
    """A request: read up to ``limit`` messages behind ``after``, and pass them to `take_page`."""

    after: int
    limit: int
    compares: bool
    """Whether the page is for finding out what the log has lost."""
    number: int
    highest: int
    acknowledged: tuple[tuple[str, int], ...]
    """The last three say what was known when the request was made."""


class RenewEpoch(NamedTuple):
    """A request: put a log that is in ``epoch`` into a new one, later than ``beyond``, too."""

    epoch: str
    beyond: str


@dataclass(frozen=True, slots=True)
class Page:
    """What was read from a log at one moment.

    - ``epoch``: empty if there is no such log;
    - ``seq``: that of the last message that was ever logged;
    - ``messages``: in order, behind the ``after`` of the request; they may stop before ``seq``;
    - ``went_back``: whether something else that is kept with the log shows that it lost data.
    """

    epoch: str
    seq: int
    messages: Sequence[bytes]
    timeline: Timeline
    went_back: bool = False


class Filled(NamedTuple):
    """What came of a page: its messages were taken."""


class Gap(NamedTuple):
    """What came of a page: the log has the messages behind ``after`` up to ``up_to`` no more."""

    after: int
    up_to: int


class Loss(NamedTuple):
    """What came of a page: messages behind ``agreed`` were lost; what is there now is news."""

    agreed: int
    had: int
