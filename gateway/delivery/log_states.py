"""The states of a followed log, and what changes them. Pure.

Theory of operation
===================

A log is a stream in Redis. Its messages are numbered by ``seq``: 1, 2, 3, …; only the oldest are
deleted. Each message is also published when it is logged: nodes receive it *live*.

A `LogFollower` receives live messages and pages read from the log, in any order, and delivers every
message once, in order: whoever calls `LogFollower.take` sends what it returns to clients. It does
no I/O: `request` returns what to read or do next, `take_page` and `renewed` receive the result.

Redis may lose the newest messages, though they were acknowledged: it is restarted from a backup, or
fails over to a replica that lacks them. Messages logged after that reuse their numbers. Four things
show such a loss, and keep it from being reported twice:

- The *epoch* names the log. A node that finds messages missing renews the epoch before anything
  else, so that every node, and every client that reconnects, learns of the loss.
- The *timeline*: under which replication ids of Redis the log was written (`Timeline`).
- The *memory* of the follower: the last messages that it delivered. If the log has another message
  in the place of one of them, it has lost that one and all after it.
- The messages *acknowledged* to senders here, which may be lost before any node received them.

The last message up to which the log is the same as what was delivered is called *agreed*. It is
found from the timeline, and from the messages that are in both memory and log. If these show
nothing, nothing is agreed, and the whole log is delivered as new: skipping an acknowledged message
would be worse than repeating one.

States
------

==========  ================================================================  ====================
OPENING     The position of the log has not been read yet.                    `start` comes next
CURRENT     All known messages are delivered.                                 nothing to do
BEHIND      The log may have messages that were not received live.            read on
VERIFYING   The log may lack delivered messages; none are delivered now.      read and compare
LOST        The log lacks messages, and its epoch has not changed.            renew the epoch
CLOSED      Nobody follows the log any more.                                  nothing to do
==========  ================================================================  ====================

Live messages that arrive in the states VERIFYING and LOST are dropped: they may be from before or
after the loss. They are read from the log afterwards.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from gateway.state_machine import Symbol


class LogState(Symbol):
    """The state of a follower; see above."""

    OPENING = "opening"
    CURRENT = "current"
    BEHIND = "behind"
    VERIFYING = "verifying"
    LOST = "lost"
    CLOSED = "closed"


class LogEvent(Symbol):
    """What happens to a follower."""

    OPENED = "opened"
    JUMPED = "jumped"
    """A live message arrived before its predecessors."""
    MISSED = "missed"
    """Live messages may have been missed, such as while the connection was lost."""
    UNVERIFIED = "unverified"
    """Redis may have lost data."""
    CONTRADICTED = "contradicted"
    """A message or a page differs from what the log had before."""
    CAUGHT_UP = "caught up"
    INTACT = "intact"
    """The log has everything that was delivered and acknowledged."""
    LACKING = "lacking"
    """It lacks something, and its epoch is still the one before the loss, or an older one."""
    CONTINUED = "continued"
    """It lacks something, and has a new epoch."""
    RENEWED = "renewed"
    CLOSED = "closed"


_S, _E = LogState, LogEvent

TRANSITIONS: Final[dict[LogState, dict[LogEvent, LogState]]] = {
    _S.OPENING: {_E.OPENED: _S.CURRENT, _E.CLOSED: _S.CLOSED},
    _S.CURRENT: {
        _E.JUMPED: _S.BEHIND, _E.MISSED: _S.BEHIND, _E.UNVERIFIED: _S.VERIFYING,
        _E.CONTRADICTED: _S.VERIFYING, _E.CLOSED: _S.CLOSED,
    },
    _S.BEHIND: {
        _E.JUMPED: _S.BEHIND, _E.MISSED: _S.BEHIND, _E.CAUGHT_UP: _S.CURRENT,
        _E.UNVERIFIED: _S.VERIFYING, _E.CONTRADICTED: _S.VERIFYING, _E.CLOSED: _S.CLOSED,
    },
    _S.VERIFYING: {
        _E.MISSED: _S.VERIFYING, _E.UNVERIFIED: _S.VERIFYING, _E.INTACT: _S.BEHIND,
        _E.LACKING: _S.LOST, _E.CONTINUED: _S.BEHIND, _E.CLOSED: _S.CLOSED,
    },
    _S.LOST: {
        _E.MISSED: _S.LOST, _E.UNVERIFIED: _S.LOST, _E.RENEWED: _S.VERIFYING, _E.CLOSED: _S.CLOSED,
    },
    _S.CLOSED: dict.fromkeys(LogEvent, _S.CLOSED),
}  # fmt: skip
"""For each state, the next state after each event that is possible in it."""


class Read(NamedTuple):
    """A request: read up to ``limit`` messages after ``after``, and pass them to `take_page`."""

    after: int
    limit: int
    compares: bool
    """Whether the page is read to find what the log has lost."""
    number: int
    highest: int
    acknowledged: tuple[tuple[str, int], ...]
    """The last three are of the follower when it made the request."""


class RenewEpoch(NamedTuple):
    """A request: change the epoch of a log from ``epoch`` to one later than it and ``beyond``."""

    epoch: str
    beyond: str


class Filled(NamedTuple):
    """The result of a page: its messages are ready to be delivered."""


class Gap(NamedTuple):
    """The result of a page: messages after ``after`` up to ``up_to`` are no longer in the log."""

    after: int
    up_to: int


class Loss(NamedTuple):
    """The result of a page: messages after ``agreed`` were lost; what the log has there is new."""

    agreed: int
    had: int
