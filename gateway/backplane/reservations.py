"""The nicknames that are reserved for accounts, whether or not their owners are there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final, Literal

from gateway.backplane.nicks import nick_keys, read_reservation
from gateway.backplane.redis.calls import Calls
from gateway.backplane.redis.scripts import RESERVE, UNRESERVE, Command

Reservation = Literal["ok", "registered", "in use"]
"""Whether a nickname was reserved: ``registered`` for another account, ``in use`` by a session."""

_SCAN_COUNT: Final = 500
_ANSWERS: Final[dict[int, Reservation]] = {0: "ok", -1: "registered", -2: "in use"}


class NickReservations:
    """A hash of accounts by folded nickname, beside the owners of nicknames.

    Every method raises `Unavailable` if Redis cannot answer; repeating it is safe.
    """

    def __init__(self, calls: Calls, *, namespace: str) -> None:
        self._calls = calls
        self._keys = nick_keys(namespace)

    def reserving(
        self, folded: str, account: str, *, session: str = "", before: str = ""
    ) -> Command:
        """Return the command that reserves a nickname; `answer` reads its reply.

        - ``session``: that of the guest who registers; if it has the nickname, it is ended;
        - ``before``: a folded nickname of the account, which is freed in the same step.
        """
        keys = self._keys
        hashes = keys.owners, keys.reserved, keys.sessions, keys.began
        return RESERVE.command(hashes, folded, account, session, before)

    @staticmethod
    def answer(reply: int) -> Reservation:
        """Return what a reply to `reserving` says."""
        return _ANSWERS[reply]

    async def reserve(self, folded: str, account: str, *, session: str = "") -> Reservation:
        """Reserve a nickname, as `reserving` does."""
        [reply] = await self._calls.call_all([self.reserving(folded, account, session=session)])
        return self.answer(reply)

    async def rename(self, before: str, folded: str, account: str) -> Reservation:
        """Reserve a nickname in place of the one before, in one step."""
        [reply] = await self._calls.call_all([self.reserving(folded, account, before=before)])
        return self.answer(reply)

    async def unreserve(self, folded: str, account: str, *, until: int | None = None) -> bool:
        """Free the nickname of an account; return whether it was reserved for it.

        ``until`` is a Unix time in seconds, up to which nobody else gets it; None to free it now.
        """
        end = "" if until is None else until
        freed: int = await self._calls.run_script(
            UNRESERVE, (self._keys.reserved,), folded, account, end
        )
        return bool(freed)

    async def account_of(self, folded: str) -> str:
        """Return the account for which a nickname is reserved; empty if there is none.

        Also empty for that of a deleted account, which nobody has until it is free.
        """
        value: bytes | None = await self._calls.call("HGET", self._keys.reserved, folded)
        return read_reservation(value)

    async def accounts_of(self, folded: Sequence[str]) -> list[str]:
        """Return the accounts for which nicknames are reserved, as `account_of` does, in order."""
        if not folded:
            return []
        values = await self._calls.call("HMGET", self._keys.reserved, *folded)
        return [read_reservation(value) for value in values]

    async def all(self) -> AsyncIterator[tuple[str, str]]:
        """Yield the reserved nicknames, folded, each with its account; some perhaps twice.

        Those of deleted accounts are left out.
        """
        cursor = b"0"
        while True:
            cursor, flat = await self._calls.call(
                "HSCAN", self._keys.reserved, cursor, "COUNT", _SCAN_COUNT
            )
            for folded, value in zip(flat[::2], flat[1::2], strict=True):
                if account := read_reservation(value):
                    yield folded.decode("utf-8", "replace"), account
            if cursor == b"0":
                return
