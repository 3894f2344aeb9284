"""How far an account's owner has read, told to the server: each marker by one command at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

MOST_MARKERS: Final = 12_000
"""For how many rooms and people it is remembered what was told."""

Target = tuple[str, str]
"""``room`` or ``with``, and a name."""


class ReadMarkers:
    """The markers that are wanted, and those that the server knows; none of them goes back."""

    def __init__(self) -> None:
        self._wanted: dict[Target, int] = {}
        self._known: dict[Target, int] = {}
        self._telling: set[Target] = set()

    @property
    def untold(self) -> list[Target]:
        """The targets of which the server does not know how far they were read."""
        return [target for target in self._wanted if target not in self._telling]

    def known(self, target: Target, seq: int) -> None:
        """Note that the server knows this."""
        self._known[target] = max(seq, self._known.pop(target, -1))
        if len(self._known) > MOST_MARKERS:
            del self._known[next(iter(self._known))]
        if self._wanted.get(target, -1) <= self._known[target]:
            self._wanted.pop(target, None)

    def want(self, target: Target, seq: int) -> bool:
        """Note how far was read; return whether `tell` is to be called."""
        if seq > max(self._known.get(target, -1), self._wanted.get(target, -1)):
            self._wanted[target] = seq
            if len(self._wanted) > MOST_MARKERS:
                del self._wanted[next(iter(self._wanted))]
        return target in self._wanted and target not in self._telling

    async def tell(self, target: Target, send: Callable[[int], Awaitable[bool]]) -> None:
        """Send the marker of a target until the server has the newest one that is wanted.

        ``send`` sends a marker, and returns whether the server has taken it: else the newest one is
        sent. What it raises is raised.
        """
        self._telling.add(target)
        try:
            while (seq := self._wanted.get(target)) is not None:
                if await send(seq):
                    self.known(target, seq)
        finally:
            self._telling.discard(target)

    def give_up(self, target: Target) -> None:
        """Note that the server does not take a marker."""
        self._wanted.pop(target, None)
