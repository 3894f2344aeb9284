"""The name that a node goes by in Redis: a new one each time that the others thought it dead."""

from __future__ import annotations


class Incarnation:
    """A node's name. What it holds is marked with it; survivors release by the mark alone.

    So what they release of a node that was taken for dead is never what it has claimed again
    since it came back.
    """

    def __init__(self, node: str) -> None:
        self.node = node
        """The name of all its incarnations, and of the first."""
        self.name = node
        self._number = 1

    @property
    def any(self) -> str:
        """What stands for all incarnations of this node where scripts compare marks."""
        return f"{self.node}~"

    def renew(self) -> None:
        """Go by another name from now on; what was marked with an earlier one must be claimed."""
        self._number += 1
        self.name = f"{self.node}~{self._number}"
