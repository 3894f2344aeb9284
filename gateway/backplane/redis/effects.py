"""Whether what a task has asked of Redis may have taken effect, over any number of calls.

A client's command may need several calls. If one of them fails, the client is told whether anything
may have changed all the same: `Link` notes each call that may have had an effect, and whoever
carries out the command reads the notes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final


class Effects:
    """The effects of the calls made within one `noting_effects`."""

    __slots__ = ("possible",)

    def __init__(self) -> None:
        self.possible = False
        """Whether a call was carried out, or may have been, or may yet be."""


_noting: Final[ContextVar[Effects | None]] = ContextVar("effects", default=None)


@contextmanager
def noting_effects() -> Iterator[Effects]:
    """Note the effects of the calls that this task makes in this context."""
    effects = Effects()
    token = _noting.set(effects)
    try:
        yield effects
    finally:
        _noting.reset(token)


def note_possible() -> None:
    """Note that a call of this task was carried out, or may have been."""
    effects = _noting.get()
    if effects is not None:
        effects.possible = True
