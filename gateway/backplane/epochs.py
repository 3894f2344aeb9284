"""Names for logs that begin anew."""

from __future__ import annotations

import itertools
import secrets
from typing import Final

_CONTINUED: Final = "."
"""In an epoch, before what tells it from others that began with the same log."""


class Epochs:
    """Gives epochs for what has none yet: none is given twice, by this node or another."""

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(5)
        self._numbers = itertools.count()

    def new(self) -> str:
        """Give the next one."""
        return f"{self._prefix}{next(self._numbers):x}"


def continuation(epoch: str) -> str:
    """Give an epoch for a log that lost messages of this one, and goes on."""
    return f"{epoch.partition(_CONTINUED)[0]}{_CONTINUED}{secrets.token_hex(3)}"


def continues(epoch: str, other: str) -> bool:
    """Tell whether the log of one epoch is that of another, as far as it was not lost."""
    return epoch.partition(_CONTINUED)[0] == other.partition(_CONTINUED)[0]
