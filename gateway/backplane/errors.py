"""Errors of changes that a script refused: Redis answered, and nothing was changed."""

from __future__ import annotations

from gateway.backplane.redis.errors import Unavailable


class Outdated(Unavailable):
    """This node has the session in a later term: it did not receive the answer that said so.

    ``term`` and ``line`` are what Redis has of the session.
    """

    def __init__(self, term: int, line: str) -> None:
        super().__init__("the session was taken up here")
        self.term = term
        self.line = line


class Replaced(Exception):
    """Another node has resumed the session, in a later term than ``term``."""

    def __init__(self, term: int) -> None:
        super().__init__("the session goes on elsewhere")
        self.term = term


class IdReused(Exception):
    """The session has used this id for another message."""


class LooksAlike(Exception):
    """Another room exists whose name, ``other``, looks the same."""

    def __init__(self, other: str) -> None:
        super().__init__(f"it looks like {other}")
        self.other = other
