"""Reads logs that are behind, each in a task of its own, until nothing is missing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

import trio

from gateway.backplane import Retry, Unavailable
from gateway.delivery.log_follower import LogFollower
from gateway.delivery.log_states import Read


class Followed(Protocol):
    """A room or an inbox, whose log is followed."""

    @property
    def log(self) -> LogFollower:
        """The follower of its log."""


F = TypeVar("F", bound=Followed)
F_contra = TypeVar("F_contra", bound=Followed, contravariant=True)


class LogStore(Protocol[F_contra]):
    """Where logs of one kind are kept; both methods raise `Unavailable`."""

    async def read(self, followed: F_contra, request: Read) -> None:
        """Read what is requested, and pass it to the follower."""

    async def renew_epoch(self, followed: F_contra, epoch: str, *, beyond: str) -> None:
        """Change the epoch of a log from ``epoch`` to one later than it and ``beyond``."""


class LogReader(Generic[F]):
    """Carries out the requests of followers of one kind.

    While Redis is away it waits; what Redis refuses is tried again after growing pauses.
    """

    def __init__(
        self, store: LogStore[F], *, wait_connected: Callable[[], Awaitable[None]]
    ) -> None:
        self._store = store
        self._wait_connected = wait_connected
        self._reading: dict[F, trio.Event] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self) -> None:
        """Read what is behind; runs for as long as the node does."""
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(trio.sleep_forever)

    def read_if_behind(self, followed: F) -> bool:
        """Start reading a log that is behind; return whether that was started now."""
        if not followed.log.is_behind or followed in self._reading or self._nursery is None:
            return False
        self._reading[followed] = trio.Event()
        self._nursery.start_soon(self._read_until_current, followed)
        return True

    async def caught_up(self, followed: F) -> None:
        """Wait until a log is no longer being read."""
        if (done := self._reading.get(followed)) is not None:
            await done.wait()

    async def _read_until_current(self, followed: F) -> None:
        retry = Retry()
        try:
            while (request := followed.log.request()) is not None:
                await self._wait_connected()
                try:
                    if isinstance(request, Read):
                        await self._store.read(followed, request)
                    else:
                        await self._store.renew_epoch(
                            followed, request.epoch, beyond=request.beyond
                        )
                        followed.log.renewed()
                    retry.succeeded()
                except Unavailable as error:
                    await trio.sleep(retry.pause(error))
        finally:
            self._reading.pop(followed).set()
