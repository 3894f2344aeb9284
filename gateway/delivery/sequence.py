"""One room's messages put in order, each once, wherever they come from. Pure."""

from __future__ import annotations

from typing import Final

from gateway.backplane.erasures import Erasures

MOST_AHEAD: Final = 5_000
"""Messages held back behind a gap; further ones are dropped, since the log has them."""


class Sequence:
    """Takes messages as they come, live or from the log, and gives them out by ``seq``.

    ``position`` is the last one given out. Before `start` it is None and everything is held back.
    """

    __slots__ = ("_ahead", "_live", "_ready", "doubted", "highest", "position", "suspicious")

    def __init__(self) -> None:
        self.position: int | None = None
        self.suspicious = False
        """A live message came that is older than another: Redis may have lost data."""
        self.doubted = False
        """Redis may have lost what was given out, and put something else in its place: until that
        is known nothing more is given out."""
        self._live = 0
        self.highest = 0
        """The youngest message seen, given out or not."""
        self._ready: list[bytes] = []
        self._ahead: dict[int, bytes] = {}

    def start(self, position: int) -> None:
        """Say that everything up to ``position`` is known; what is held back behind it is due."""
        self.position = position
        self.suspicious = False
        self._ahead = {seq: m for seq, m in self._ahead.items() if seq > position}
        self._collect()

    def restart(self) -> None:
        """Forget everything: the room's log begins anew, at 1."""
        self._ahead.clear()
        self._ready.clear()
        self.doubted = False
        self._live = self.highest = 0
        self.start(0)

    def reconnected(self) -> None:
        """Expect live messages from any place again."""
        self._live = 0

    def offer_live(self, seq: int, message: bytes) -> None:
        """Take a message off the subscription, where each is younger than the one before it."""
        if seq <= self._live:
            self.suspicious = True
        self._live = seq
        self.offer(seq, message)

    def offer(self, seq: int, message: bytes) -> None:
        """Take a message from anywhere."""
        if seq > self.highest:
            self.highest = seq
        position = self.position
        if position is not None and seq <= position:
            return
        if position is not None and seq == position + 1:
            self._ready.append(message)
            self.position = seq
            if self._ahead:
                self._collect()
        elif len(self._ahead) < MOST_AHEAD:
            self._ahead[seq] = message

    def conceal(self, erasures: Erasures) -> None:
        """Put tombstones in the place of erased messages that are not given out yet."""
        self._ready = erasures.conceal(self._ready)
        self._ahead = {seq: erasures.conceal([m])[0] for seq, m in self._ahead.items()}

    def take(self) -> list[bytes]:
        """Give what is due, in order, and count it as given out."""
        if self.doubted:
            return []
        ready, self._ready = self._ready, []
        return ready

    @property
    def due(self) -> bool:
        """Whether `take` would give anything."""
        return bool(self._ready) and not self.doubted

    @property
    def incomplete(self) -> bool:
        """Whether messages are missing before one that has been seen."""
        return self.position is None or self.position < self.highest

    def _collect(self) -> None:
        assert self.position is not None  # noqa: S101 - for the type checker; only callers with one
        while (message := self._ahead.pop(self.position + 1, None)) is not None:
            self._ready.append(message)
            self.position += 1
