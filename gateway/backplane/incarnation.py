"""Incarnations: the name of a node in Redis, which changes each time that it was declared dead."""

from __future__ import annotations


class Incarnation:
    """A node's current name, with which all that the node holds in Redis is marked.

    Other nodes release what is marked with the name that they declared dead, so never what this
    node has claimed again under its next name.
    """

    def __init__(self, node: str) -> None:
        self.node = node
        """The name that all incarnations share; also the name of the first."""
        self.name = node
        self._number = 1

    @property
    def any(self) -> str:
        """The mark that stands for all incarnations of this node, as an argument of scripts."""
        return f"{self.node}~"

    def renew(self) -> None:
        """Begin another incarnation; what is marked with an earlier name must be claimed again."""
        self._number += 1
        self.name = f"{self.node}~{self._number}"
