"""The loop that connects a session to node after node, until it is over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import trio

from client.errors import CannotConnect
from client.events import Disconnected
from client.session.connection import Closed
from client.session.route import LONGEST_BACKOFF, Route
from gateway import wire
from gateway.wire import CommandError

NICK_GRACE_SECONDS: Final = 60.0
"""How long a refused session keeps trying: its old connection may still own the nickname."""
FINAL: Final = frozenset({"banned", "nick_banned"})
"""Refusals after which no other attempt is made."""
_LONGEST_WHILE_REFUSED: Final = 1.0
_OF_THE_NODE: Final = frozenset({"unavailable", "too_fast"})
"""Refusals that say nothing of the session: another node, or the same one later, may accept it."""

Ending = Closed | CannotConnect | CommandError
"""How a connection ended, or why there was none."""


class Reconnection:
    """Decides after each connection whether, when and to which node there is another.

    ``connect`` opens a connection to a node, calls `accepted` once the node has accepted the
    session, returns when the connection has ended, and returns how. ``tell`` is called before each
    wait.
    """

    def __init__(
        self,
        route: Route,
        connect: Callable[[str], Awaitable[Ending]],
        tell: Callable[[Disconnected], Awaitable[None]],
    ) -> None:
        self._route, self._connect, self._tell = route, connect, tell
        self._accepted = trio.Event()
        self._accepted_at = 0.0
        self._retry_now = trio.Event()
        self._failure: CannotConnect | CommandError | None = None

    def accepted(self) -> None:
        """Note that a node has accepted the session."""
        self._accepted_at = trio.current_time()
        self._accepted.set()

    async def wait_accepted(self) -> None:
        """Wait until the session is accepted for the first time; raise why it never will be."""
        await self._accepted.wait()
        if self._failure is not None:
            raise self._failure

    def retry_now(self) -> None:
        """End the wait before the next attempt."""
        self._retry_now.set()

    async def run(self) -> str | None:
        """Connect again and again; return why that ended, or None if it never began."""
        ending = await self._first()
        if isinstance(ending, Closed):
            return await self._keep_coming_back(ending)
        self._failure = ending
        self._accepted.set()
        return None

    async def _first(self) -> Ending:
        """Try every node once; return how the first connection ended, or why there was none."""
        reasons: list[str] = []
        for _attempt in list(self._route.urls):
            ending = await self._next()
            if isinstance(ending, Closed) or _is_refusal(ending):
                return ending
            reasons.append(str(ending))
        return CannotConnect("; ".join(reasons))

    async def _next(self) -> Ending:
        url = self._route.advance()
        ending = await self._connect(url)
        if isinstance(ending, CannotConnect) and ending.retry_after is not None:
            self._route.keep_away(url, trio.current_time() + ending.retry_after)
        return ending

    async def _keep_coming_back(self, ending: Ending) -> str:
        failures = 0
        refused_since: float | None = None
        while True:
            if isinstance(ending, Closed):
                if not wire.may_reconnect(ending.code):
                    return ending.reason
                # A connection that is lost at once counts as a failure too.
                lived = trio.current_time() - self._accepted_at
                failures = 0 if lived > LONGEST_BACKOFF else failures + 1
                refused_since, reason = None, ending.reason
            else:
                failures, reason = failures + 1, str(ending)
                if isinstance(ending, CommandError) and ending.code in FINAL:
                    return reason
            ceiling = LONGEST_BACKOFF
            if _is_refusal(ending):
                # The nickname is free as soon as our old connection is noticed to be dead.
                ceiling = _LONGEST_WHILE_REFUSED
                refused_since = refused_since or trio.current_time()
                if trio.current_time() - refused_since > NICK_GRACE_SECONDS:
                    return reason
            await self._wait(
                reason, self._route.delay(failures, trio.current_time(), ceiling=ceiling)
            )
            ending = await self._next()

    async def _wait(self, reason: str, delay: float) -> None:
        self._retry_now = trio.Event()
        await self._tell(Disconnected(reason, delay, self._route.url))
        with trio.move_on_after(delay):
            await self._retry_now.wait()


def _is_refusal(ending: Ending) -> bool:
    """Return whether a node refused the session for a reason that other nodes would give too."""
    return isinstance(ending, CommandError) and ending.code not in _OF_THE_NODE
