"""The bell of the screen."""

from __future__ import annotations

import math
import time
import tkinter as tk
from typing import Final

_REST_SECONDS: Final = 2.0


class Bell:
    """Rings at most once in `_REST_SECONDS` seconds, so that a burst rings once."""

    def __init__(self, root: tk.Tk) -> None:
        self._root = root
        self._rung_at = -math.inf

    def ring(self) -> None:
        """Ring, unless it rang a moment ago."""
        now = time.monotonic()
        if now - self._rung_at >= _REST_SECONDS:
            self._rung_at = now
            self._root.bell()
