"""Hashes and verifies passwords without holding up the event loop, within bounds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, Generic, TypeVar

import outcome
import trio

from gateway.auth.password_hashing import (
    COST,
    Argon2Cost,
    CannotHash,
    hash_password,
    needs_rehash,
    verify_password,
)
from gateway.credentials.hash_slots import SLOTS, HashSlots
from gateway.credentials.slot_threads import SlotThreads
from gateway.wire.passwords import LEAST_CHARS, BadPassword, check_new, prepare

MOST_WAITING: Final = 32
LONGEST_WAIT: Final = 8.0
"""Seconds after which somebody is told to try again: less than a stranger has for its hello."""
_SHORTEST_RETRY: Final = 1.0
_LONGEST_RETRY: Final = 30.0

ResultT = TypeVar("ResultT")


class HasherBusy(Exception):
    """Too many passwords wait, or there is no memory to hash one.

    One may try again after ``retry_after`` seconds.
    """

    def __init__(self, retry_after: float) -> None:
        super().__init__("Too many people are signing in with a password; try again soon.")
        self.retry_after = retry_after


class PasswordHasher:
    """Hashes passwords: two at once on a machine, in threads of low priority.

    - Memory: 64 MiB for each that runs.
    - Those that wait are served in order. There is `HasherBusy` for who comes while
      ``most_waiting`` wait, and for who has waited for `LONGEST_WAIT`.
    - Whoever is cancelled while waiting leaves the queue. What runs already runs to its end, and
      keeps its slot until then.
    """

    def __init__(
        self,
        slots: HashSlots | None = None,
        *,
        cost: Argon2Cost = COST,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._threads = SlotThreads(slots or HashSlots())
        self._cost = cost
        self._most = most_waiting + SLOTS
        self._came: dict[object, float] = {}
        self._judging = trio.CapacityLimiter(1)

    def close(self) -> None:
        """End the threads. Nobody may wait for a hash any more."""
        self._threads.close()

    def needs_rehash(self, encoded: str) -> bool:
        """Return whether a hash was made with other parameters than those of today."""
        return needs_rehash(encoded, self._cost)

    async def hash_new(
        self, password: str, *, nick: str = "", least_chars: int = LEAST_CHARS
    ) -> str:
        """Return the hash of a password that somebody chooses.

        :raises BadPassword: as `check_new`; so does `WeakPassword`.
        :raises HasherBusy:
        """
        check = partial(check_new, password, nick=nick, least_chars=least_chars)
        with self._admitted():
            # Not in a thread of low priority: this is Python, which holds up all others.
            prepared = await trio.to_thread.run_sync(check, limiter=self._judging)
            return await self._run(partial(hash_password, prepared, self._cost))

    async def hash(self, password: str) -> str:
        """Return the hash of a password as it is, such as one whose hash is out of date, or a code.

        :raises BadPassword: as `prepare`.
        :raises HasherBusy:
        """
        with self._admitted():
            prepared = await self._prepared(password)
            return await self._run(partial(hash_password, prepared, self._cost))

    async def verify(self, encoded: str, password: str) -> bool:
        """Return whether a hash is that of a password, as somebody typed it.

        - ``encoded``: '' for an account that does not exist or has no password. It takes as long,
          as does a password that nobody can have.

        :raises HasherBusy:
        """
        with self._admitted():
            try:
                prepared = await self._prepared(password)
            except BadPassword:
                encoded, prepared = "", ""
            return await self._run(partial(verify_password, encoded, prepared, self._cost))

    async def _prepared(self, password: str) -> str:
        return await trio.to_thread.run_sync(prepare, password, limiter=self._judging)

    @contextlib.contextmanager
    def _admitted(self) -> Iterator[None]:
        """Count somebody who is served or waits, for as long as they may."""
        if len(self._came) >= self._most:
            raise self._busy()
        me = object()
        self._came[me] = trio.current_time()
        try:
            with trio.move_on_after(LONGEST_WAIT) as waiting:
                yield
            if waiting.cancelled_caught:
                raise self._busy()
        finally:
            del self._came[me]

    def _busy(self) -> HasherBusy:
        """Return what those are told who are not served."""
        # The one who came first of all has waited as long as the next one will.
        waited = trio.current_time() - next(iter(self._came.values()))
        return HasherBusy(min(max(waited, _SHORTEST_RETRY), _LONGEST_RETRY))

    async def _run(self, work: Callable[[], ResultT]) -> ResultT:
        job = _ThreadJob(work)
        self._threads.submit(job)
        try:
            return await job.wait()
        except CannotHash:
            raise HasherBusy(_LONGEST_RETRY) from None
        finally:
            self._threads.withdraw(job)


class _ThreadJob(Generic[ResultT]):
    """Work for another thread, of whose end the task that made it hears."""

    def __init__(self, work: Callable[[], ResultT]) -> None:
        self._work = work
        self._token = trio.lowlevel.current_trio_token()
        self._done = trio.Event()
        self._results: list[outcome.Outcome[ResultT]] = []

    def __call__(self) -> None:
        """Do the work; called in the other thread."""
        self._results.append(outcome.capture(self._work))
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._done.set)

    async def wait(self) -> ResultT:
        """Wait until the work is done, and return or raise what came of it."""
        await self._done.wait()
        return self._results.pop().unwrap()
