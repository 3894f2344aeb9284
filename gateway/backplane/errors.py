"""Why something that nodes share was not changed, though Redis answered."""

from __future__ import annotations

from gateway.backplane.redis.errors import Unavailable


class Outdated(Unavailable):
    """This node took the session up in a later term, as who it is there, and was not told."""

    def __init__(self, term: int, who: str) -> None:
        super().__init__("the session was taken up here")
        self.term = term
        self.who = who


class Replaced(Exception):
    """The session goes on at another node, which has taken it up after ``term``."""

    def __init__(self, term: int) -> None:
        super().__init__("the session goes on elsewhere")
        self.term = term


class IdReused(Exception):
    """The session has said something else under this id: it would never be delivered."""
