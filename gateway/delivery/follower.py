"""What this node follows in a log of Redis, a room or an inbox, and how it catches up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from gateway.backplane import Backplane, Retry, Timeline, Unavailable
from gateway.backplane.timeline import UNKNOWN
from gateway.delivery.sequence import Sequence

Acknowledged = tuple[tuple[str, int], ...]
"""Replication ids of Redis, each with the ``seq`` of a message that was logged under it."""


def lacks(acknowledged: Acknowledged, timeline: Timeline, *, position: int, seq: int) -> bool:
    """Return whether a log lacks what was acknowledged, if nobody heard it.

    - ``acknowledged``: from before the log was read, since it may have more by now;
    - ``timeline``, ``seq``: the log as it was read;
    - ``position``: up to there messages were handed out, and are for `agreed_up_to` to judge.
    """
    unheard = [(name, s) for name, s in acknowledged if s > position]
    return not all(timeline.has(s, name, at=seq) for name, s in unheard)


class Follower:
    """How far this node has come in one log: in which epoch, and at which message."""

    __slots__ = (
        "_acknowledged",
        "_caught_up",
        "behind",
        "catching_up",
        "epoch",
        "followed",
        "sequence",
        "timeline",
    )

    def __init__(self) -> None:
        self.epoch = ""
        self.timeline: Timeline = UNKNOWN
        """The course of the log, as far as it was read and found to be what was handed out."""
        self.sequence = Sequence()
        self.behind = False
        """Whether there is more to be read from the log."""
        self.followed = True
        """False once nobody here wants it any more."""
        self.catching_up = False
        """Whether the log is being read."""
        self._acknowledged: dict[str, int] = {}
        self._caught_up = trio.Event()

    def acknowledge(self, seq: int, written_under: str) -> None:
        """Note that a sender here is told that its message is logged.

        ``written_under`` is the replication id of the server that logged it.
        """
        if seq > self._acknowledged.get(written_under, 0):
            self._acknowledged[written_under] = seq

    @property
    def acknowledged(self) -> Acknowledged:
        """The last messages of which a sender here was told, by the id of the server."""
        return tuple((name, seq) for name, seq in self._acknowledged.items() if name)

    def loss_told(self, timeline: Timeline, *, seq: int) -> None:
        """Note that who is here is told of what a log that is at ``seq`` lacks."""
        self._acknowledged = {
            name: s for name, s in self._acknowledged.items() if timeline.has(s, name, at=seq)
        }

    def belongs_to(self, epoch: str) -> bool:
        """Tell whether what is known here is of this epoch; the first one is taken over."""
        if not self.epoch:
            self.epoch = epoch
        return self.epoch == epoch

    async def caught_up(self) -> None:
        """Wait for the end of what `catch_up_in` has begun; only once it has begun something."""
        await self._caught_up.wait()

    def catch_up_in(
        self, nursery: trio.Nursery, backplane: Backplane, read_on: Callable[[], Awaitable[None]]
    ) -> bool:
        """Have ``read_on`` called until nothing is missing; false if that is under way already.

        It reads some of the log, and sets ``behind`` if it must be called again. While Redis does
        not answer it is tried again and again; what is refused, ever later.
        """
        self.behind = True
        if self.catching_up:
            return False
        self.catching_up = True
        self._caught_up = trio.Event()
        nursery.start_soon(self._catch_up, backplane, read_on)
        return True

    async def _catch_up(self, backplane: Backplane, read_on: Callable[[], Awaitable[None]]) -> None:
        retry = Retry()
        while self.behind and self.followed:
            await backplane.wait_connected()
            self.behind = self.sequence.suspicious = False
            try:
                await read_on()
                retry.succeeded()
            except Unavailable as error:
                self.behind = True
                await trio.sleep(retry.pause(error))
        self.catching_up = False
        self._caught_up.set()
