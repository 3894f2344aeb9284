"""The failure detector: finds nodes that have failed, by successive heartbeats. Pure."""

from __future__ import annotations

from typing import NamedTuple

from gateway.backplane.nodes import DEAD


class Failures(NamedTuple):
    """The nodes that have failed.

    - ``dead``: nodes to be declared dead;
    - ``expired``: dead nodes whose sessions can no longer be resumed.
    """

    dead: list[str]
    expired: list[str]


class FailureDetector:
    """Finds nodes whose heartbeats have stopped.

    Numbers of heartbeats are compared over time by this node's clock: clocks need not agree.
    """

    def __init__(self, timeout: float, grace: float) -> None:
        """Count a node as dead after ``timeout`` seconds, as expired after ``grace`` seconds."""
        self._timeout = timeout
        self._grace = grace
        self._seen: dict[str, tuple[int, float]] = {}

    def judge(self, beats: dict[str, int], now: float) -> Failures:
        """Return the nodes that have failed by now, given all nodes' numbers of heartbeats."""
        seen: dict[str, tuple[int, float]] = {}
        for node, count in beats.items():
            before, since = self._seen.get(node, (count, now))
            # Being declared dead is not a heartbeat: the last one counts.
            seen[node] = (count, since if count in {before, DEAD} else now)
        self._seen = seen
        dead = [n for n, (c, at) in seen.items() if c != DEAD and now - at > self._timeout]
        expired = [n for n, (c, at) in seen.items() if c == DEAD and now - at > self._grace]
        return Failures(dead, expired)

    def forget(self) -> None:
        """Count every node as alive just now: heartbeats could not be seen for a while."""
        self._seen.clear()
