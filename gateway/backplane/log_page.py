"""What is read from a log, a room's or an inbox's, at one moment."""

from __future__ import annotations

from typing import NamedTuple

from gateway.backplane.timeline import Timeline


class LogPage(NamedTuple):
    """A log's position, and some of its messages.

    - ``epoch``: empty if there is no such log;
    - ``seq``: of the last message logged;
    - ``messages``: in order, after the place that was asked for; the last may be before ``seq``;
    - ``went_back``: whether other data of the log show that Redis lost some.
    """

    epoch: str
    seq: int
    messages: list[bytes]
    timeline: Timeline
    went_back: bool = False
