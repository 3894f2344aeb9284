"""The name of a node in Redis, which changes each time that the others have declared it dead."""

from __future__ import annotations


class Incarnation:
    """A node's current name. In Redis, all that the node holds is marked with it.

    Survivors release what has the name that they declared dead, and so never what the node has
    claimed again since, under the next name.
    """

    def __init__(self, node: str) -> None:
        self.node = node
        """The name that is common to all incarnations, and that of the first."""
        self.name = node
        self._number = 1

    @property
    def any(self) -> str:
        """The mark by which scripts mean all incarnations of this node."""
        return f"{self.node}~"

    def renew(self) -> None:
        """Begin another incarnation; what is marked with an earlier name must be claimed again."""
        self._number += 1
        self.name = f"{self.node}~{self._number}"
