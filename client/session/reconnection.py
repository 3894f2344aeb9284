"""The loop that connects a session to node after node, until it is over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import trio

from client.errors import CannotConnect
from client.events import Disconnected, EndCause, Ended
from client.session.connection import Closed
from client.session.route import LONGEST_BACKOFF, Route
from gateway import wire
from gateway.wire import CommandError
from gateway.wire.close_codes import ACCOUNT_CLOSED, SIGNED_OUT

NICK_GRACE_SECONDS: Final = 60.0
"""How long a refused session keeps trying: its old connection may still own the nickname."""
SETTLE_SECONDS: Final = 60.0
"""How long a session that is not open yet tries to find out whether its account was made."""
FINAL: Final = frozenset(
    {
        "banned", "nick_banned", "bad_credentials", "bad_token", "bad_jwt", "account_disabled",
        "guests_off", "registration_closed", "bad_invite", "bad_password", "weak_password",
        "bad_device",
    }
)  # fmt: skip
"""Refusals after which no other attempt is made."""
_LONGEST_WHILE_REFUSED: Final = 1.0
_OF_THE_NODE: Final = frozenset({"unavailable", "too_fast"})
"""Refusals that say nothing of the session: another node, or the same one later, may accept it."""

_CAUSES: Final[dict[int | str, EndCause]] = {
    SIGNED_OUT.code: "signed_out",
    "bad_token": "signed_out",
    ACCOUNT_CLOSED.code: "account_closed",
    "account_disabled": "account_closed",
}
"""Why a session is over after a close code or a refusal, where that has a name of its own."""

Ending = Closed | CannotConnect | CommandError
"""How a connection ended, or why there was none."""


class Reconnection:
    """Decides after each connection whether, when and to which node there is another.

    ``connect`` opens a connection to a node, calls `accepted` once the node has accepted the
    session, returns when the connection has ended, and returns how. ``tell`` is called before each
    wait. ``is_unsettled`` returns whether a server may have made an account, so that a session that
    never began goes on asking.
    """

    def __init__(
        self,
        route: Route,
        connect: Callable[[str], Awaitable[Ending]],
        tell: Callable[[Disconnected], Awaitable[None]],
        is_unsettled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._route, self._connect, self._tell = route, connect, tell
        self._is_unsettled = is_unsettled
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

    async def run(self) -> Ended | None:
        """Connect again and again; return why that ended, or None if it never began."""
        ending = await self._first()
        if isinstance(ending, Closed):
            return await self._keep_coming_back(ending)
        self._failure = ending
        self._accepted.set()
        return None

    async def _first(self) -> Ending:
        """Try every node once; return how the first connection ended, or why there was none.

        While an account may have been made, all are tried again.
        """
        ending = await self._try_all()
        until, failures = trio.current_time() + SETTLE_SECONDS, 0
        while isinstance(ending, CannotConnect) and self._is_unsettled():
            failures += 1
            delay = self._route.delay(failures, trio.current_time())
            at = trio.current_time() + max(delay, ending.retry_after or 0.0)
            if at > until:
                ending.uncertain = True
                break
            await trio.sleep_until(at)
            ending = await self._try_all()
        return ending

    async def _try_all(self) -> Ending:
        endings: list[CannotConnect | CommandError] = []
        for _attempt in list(self._route.urls):
            ending = await self._next()
            if isinstance(ending, Closed) or _is_refusal(ending):
                return ending
            endings.append(ending)
        waits = [ending.retry_after for ending in endings if ending.retry_after is not None]
        problem = CannotConnect("; ".join(map(str, endings)), max(waits, default=None))
        problem.too_fast = any(_is_too_fast(ending) for ending in endings)
        return problem

    async def _next(self) -> Ending:
        url = self._route.advance()
        ending = await self._connect(url)
        if isinstance(ending, CannotConnect) and ending.retry_after is not None:
            self._route.keep_away(url, trio.current_time() + ending.retry_after)
        return ending

    async def _keep_coming_back(self, ending: Ending) -> Ended:
        failures = 0
        refused_since: float | None = None
        while True:
            if isinstance(ending, Closed):
                if not wire.may_reconnect(ending.code):
                    return Ended(ending.reason, _CAUSES.get(ending.code, "closed"))
                # A connection that is lost at once counts as a failure too.
                lived = trio.current_time() - self._accepted_at
                failures = 0 if lived > LONGEST_BACKOFF else failures + 1
                refused_since, reason = None, ending.reason
            else:
                failures, reason = failures + 1, str(ending)
                if isinstance(ending, CommandError) and ending.code in FINAL:
                    return Ended(reason, _CAUSES.get(ending.code, "refused"))
            ceiling = LONGEST_BACKOFF
            if _is_refusal(ending):
                # The nickname is free as soon as our old connection is noticed to be dead.
                ceiling = _LONGEST_WHILE_REFUSED
                refused_since = refused_since or trio.current_time()
                if trio.current_time() - refused_since > NICK_GRACE_SECONDS:
                    return Ended(reason, "refused")
            await self._wait(
                reason, self._route.delay(failures, trio.current_time(), ceiling=ceiling)
            )
            ending = await self._next()

    async def _wait(self, reason: str, delay: float) -> None:
        self._retry_now = trio.Event()
        await self._tell(Disconnected(reason, delay, self._route.url))
        with trio.move_on_after(delay):
            await self._retry_now.wait()


def _is_too_fast(ending: Ending) -> bool:
    return isinstance(ending, CommandError) and ending.code == "too_fast"


def _is_refusal(ending: Ending) -> bool:
    """Return whether a node refused the session for a reason that other nodes would give too."""
    return isinstance(ending, CommandError) and ending.code not in _OF_THE_NODE
