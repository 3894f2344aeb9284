"""Names for logs that begin anew."""

from __future__ import annotations

import itertools
import secrets


class Epochs:
    """Gives epochs for what has none yet: none is given twice, by this node or another."""

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(5)
        self._numbers = itertools.count()

    def new(self) -> str:
        """Give the next one."""
        return f"{self._prefix}{next(self._numbers):x}"
