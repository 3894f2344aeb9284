"""Epochs: the names of logs. A log that begins anew, or has lost messages, gets another one.

A position in a log is an epoch and a ``seq``, so that it never means another message than before.
"""

from __future__ import annotations

import itertools
import secrets
from typing import Final

_CONTINUED: Final = "."
"""Separates the parts of an epoch: its root, the number of the continuation, random digits."""


class Epochs:
    """Makes epochs for new logs, which no other node makes too."""

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(5)
        self._numbers = itertools.count()

    def new(self) -> str:
        """Return another epoch."""
        return f"{self._prefix}{next(self._numbers):x}"


def continuation(epoch: str, *, beyond: str = "") -> str:
    """Return the next epoch of a log that has lost messages, later than ``epoch`` and ``beyond``.

    ``beyond`` is an epoch that the log had before Redis went back to older data.
    """
    number = max(_number(epoch), _number(beyond)) + 1
    return _CONTINUED.join((_root(epoch), str(number), secrets.token_hex(3)))


def continues(epoch: str, other: str) -> bool:
    """Return whether two epochs are of the same log, before and after a loss."""
    return _root(epoch) == _root(other)


def went_back(epoch: str, known: str) -> bool:
    """Return whether both epochs are of one log, and ``epoch`` is the earlier one."""
    return continues(epoch, known) and _number(epoch) < _number(known)


def _root(epoch: str) -> str:
    return epoch.partition(_CONTINUED)[0]


def _number(epoch: str) -> int:
    """Return how often a log was continued, also for epochs of early releases without a number."""
    parts = epoch.split(_CONTINUED)
    return int(parts[1]) if len(parts) > 2 and parts[1].isdecimal() else len(parts) - 1  # noqa: PLR2004
