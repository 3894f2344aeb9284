"""The nicknames that are reserved for accounts, whether or not their owners are there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, Literal

from gateway.backplane.nicks import nick_keys
from gateway.backplane.redis.calls import Calls
from gateway.backplane.redis.scripts import RESERVE, UNRESERVE, Command

Reservation = Literal["ok", "registered", "in use"]
"""Whether a nickname was reserved: ``registered`` for another account, ``in use`` by a session."""

_SCAN_COUNT: Final = 500
_ANSWERS: Final[dict[int, Reservation]] = {0: "ok", -1: "registered", -2: "in use"}


class NickReservations:
    """A hash of the accounts by their folded nicknames, beside the owners of nicknames.

    Every method raises `Unavailable` if Redis cannot answer; repeating it is safe.
    """

    def __init__(self, calls: Calls, *, namespace: str) -> None:
        self._calls = calls
        self._nicks = nick_keys(namespace)[0]
        self._accounts = f"{self._nicks}:accounts"

    def reserving(self, folded: str, account: str, *, session: str = "") -> Command:
        """Return the command that reserves a nickname; `answer` reads its reply.

        It may be in use by ``session``, that of the guest who registers.
        """
        return RESERVE.command((self._nicks, self._accounts), folded, account, session)

    @staticmethod
    def answer(reply: int) -> Reservation:
        """Return what a reply to `reserving` says."""
        return _ANSWERS[reply]

    async def reserve(self, folded: str, account: str, *, session: str = "") -> Reservation:
        """Reserve a nickname, as `reserving` does."""
        [reply] = await self._calls.call_all([self.reserving(folded, account, session=session)])
        return self.answer(reply)

    async def unreserve(self, folded: str, account: str) -> bool:
        """Give up the nickname that is reserved for an account; return whether it was."""
        given_up: int = await self._calls.run_script(UNRESERVE, (self._accounts,), folded, account)
        return bool(given_up)

    async def account_of(self, folded: str) -> str:
        """Return the account for which a nickname is reserved; empty if there is none."""
        account: bytes | None = await self._calls.call("HGET", self._accounts, folded)
        return (account or b"").decode("utf-8", "replace")

    async def all(self) -> AsyncIterator[tuple[str, str]]:
        """Yield the reserved nicknames, folded, each with its account; some perhaps twice."""
        cursor = b"0"
        while True:
            cursor, flat = await self._calls.call(
                "HSCAN", self._accounts, cursor, "COUNT", _SCAN_COUNT
            )
            text = [part.decode("utf-8", "replace") for part in flat]
            for folded, account in zip(text[::2], text[1::2], strict=True):
                yield folded, account
            if cursor == b"0":
                return
