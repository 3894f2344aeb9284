"""Names for logs that begin anew, and for those that go on after a loss."""

from __future__ import annotations

import itertools
import secrets
from typing import Final

_CONTINUED: Final = "."
"""Separates, in an epoch, the log's first name, the number of its continuation, and chance."""


class Epochs:
    """Makes epochs for logs that have none yet: none is made twice, by this node or another."""

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(5)
        self._numbers = itertools.count()

    def new(self) -> str:
        """Return the next one."""
        return f"{self._prefix}{next(self._numbers):x}"


def continuation(epoch: str, *, beyond: str = "") -> str:
    """Return an epoch for a log that lost messages of this one, and goes on.

    It is later than ``beyond``, too: an epoch that the log had before Redis went back to this one.
    """
    number = max(_number(epoch), _number(beyond)) + 1
    return _CONTINUED.join((_root(epoch), str(number), secrets.token_hex(3)))


def continues(epoch: str, other: str) -> bool:
    """Return whether the log of one epoch is that of another, as far as it was not lost."""
    return _root(epoch) == _root(other)


def went_back(epoch: str, known: str) -> bool:
    """Return whether a log is in an earlier epoch than one that it is known to have had."""
    return continues(epoch, known) and _number(epoch) < _number(known)


def _root(epoch: str) -> str:
    return epoch.partition(_CONTINUED)[0]


def _number(epoch: str) -> int:
    """Return how often a log was continued; what has no number was continued never, or once."""
    parts = epoch.split(_CONTINUED)
    return int(parts[1]) if len(parts) > 2 and parts[1].isdecimal() else len(parts) - 1  # noqa: PLR2004
