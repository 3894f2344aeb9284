"""Which other nodes have failed, judged from successive heartbeats. Pure."""

from __future__ import annotations

from typing import NamedTuple

from gateway.backplane.nodes import DEAD


class Failures(NamedTuple):
    """What follows from a heartbeat.

    - ``dead``: nodes to be declared dead;
    - ``expired``: dead nodes whose sessions can no longer be resumed.
    """

    dead: list[str]
    expired: list[str]


class FailureDetector:
    """Finds nodes whose heartbeats have stopped.

    It compares the counts of beats by this node's clock, so that clocks need not agree.
    """

    def __init__(self, timeout: float, grace: float) -> None:
        """Count a node as dead after ``timeout`` seconds, as expired after ``grace`` seconds."""
        self._timeout = timeout
        self._grace = grace
        self._seen: dict[str, tuple[int, float]] = {}

    def judge(self, beats: dict[str, int], now: float) -> Failures:
        """Return which nodes have failed by now, given the counts that a heartbeat returned."""
        seen: dict[str, tuple[int, float]] = {}
        for node, count in beats.items():
            before, since = self._seen.get(node, (count, now))
            # Being declared dead is no beat: the last one counts.
            seen[node] = (count, since if count in {before, DEAD} else now)
        self._seen = seen
        dead = [n for n, (c, at) in seen.items() if c != DEAD and now - at > self._timeout]
        expired = [n for n, (c, at) in seen.items() if c == DEAD and now - at > self._grace]
        return Failures(dead, expired)

    def forget(self) -> None:
        """Count every node as alive just now; for after a time in which no beat could be seen."""
        self._seen.clear()
