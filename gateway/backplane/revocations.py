"""Signing devices out, and keeping accounts out: published first, then made durable.

A failover may undo what was written last. So nodes remember the revocations of the last minutes
that they have heard or made, and carry them out again when Redis's history changes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from contextlib import suppress
from typing import Final, Literal, NamedTuple

from gateway.backplane.account_events import RevokedEvent, publish_event
from gateway.backplane.accounts import (
    ACTIVE,
    DELETED,
    DELETED_SECONDS,
    DISABLED,
    Account,
    AccountChanged,
    AccountStore,
    NoSuchAccount,
)
from gateway.backplane.devices import DeviceStore
from gateway.backplane.redis.calls import Calls

REMEMBERED_SECONDS: Final = 600.0
"""Seconds for which revocations are remembered: longer than any failover takes."""
MOST_REMEMBERED: Final = 100_000
"""Revocations that a node remembers, at most; then it forgets the oldest."""


class Revocation(NamedTuple):
    """A revocation that was heard or made: of which account, and at what time of one clock."""

    account: str
    event: RevokedEvent
    at: float


class RecentRevocations:
    """The revocations of the last `REMEMBERED_SECONDS`, in their order. Pure.

    Times are seconds of one clock, which does not go back.
    """

    def __init__(self) -> None:
        self._revocations: deque[Revocation] = deque(maxlen=MOST_REMEMBERED)

    def __len__(self) -> int:
        return len(self._revocations)

    def add(self, account: str, event: RevokedEvent, now: float) -> None:
        """Remember a revocation; one that is known already is not remembered twice."""
        self._forget(now)
        known = next(reversed(self._revocations), None)
        if known is None or (known.account, known.event) != (account, event):
            self._revocations.append(Revocation(account, event, now))

    def current(self, now: float) -> list[Revocation]:
        """Return what is remembered."""
        self._forget(now)
        return list(self._revocations)

    def _forget(self, now: float) -> None:
        while self._revocations and now - self._revocations[0].at > REMEMBERED_SECONDS:
            self._revocations.popleft()


class Revoker:
    """Revokes devices and accounts. Every method raises `Unavailable` if Redis cannot answer.

    What it has published then holds on the nodes that heard it. Repeating is safe.
    """

    def __init__(
        self, calls: Calls, accounts: AccountStore, devices: DeviceStore, *, scope: str
    ) -> None:
        self._calls = calls
        self._accounts = accounts
        self._devices = devices
        self._scope = scope

    async def revoke(self, account: str, names: Collection[str]) -> list[str]:
        """Sign devices out; return those of them that there were.

        :raises Uncertain: if it is not durable in time; nodes have signed them out all the same.
        """
        if not names:
            return []
        await self._publish(account, RevokedEvent(devices=sorted(names)))
        return await self._sign_out(account, names)

    async def _sign_out(self, account: str, names: Collection[str]) -> list[str]:
        known = await self._devices.of(account)
        if any(name in known and not known[name].hash for name in names):
            with suppress(NoSuchAccount):  # else a JSON Web Token would make the device again
                await self._accounts.end_jwts(account)
        return await self._devices.revoke(account, names)

    async def revoke_others(self, account: str, device: str | None = None) -> list[str]:
        """Sign all devices out but one; return their ids; raises as `revoke`.

        After a change of the password: a device that is added by the old one is refused
        (`DeviceStore.add`), so none is missed here.
        """
        return await self.revoke(account, await self._devices.others(account, device))

    async def disable(self, account: str) -> None:
        """Keep an account out, and end its sessions; its devices can be used again once enabled."""
        await self._end(account, "disabled")

    async def delete(self, account: str, *, nick_reserved: int = DELETED_SECONDS) -> None:
        """Delete an account: end its sessions, revoke its devices, and give up its nickname.

        ``nick_reserved``: seconds of Redis's clock until somebody else may have the nickname.
        """
        found = await self._end(account, "deleted")
        await self._devices.revoke(account, await self._devices.others(account))
        until = await self._accounts.now() + nick_reserved if nick_reserved else None
        await self._accounts.release(found, until=until)

    async def _end(self, account: str, state: Literal["disabled", "deleted"]) -> Account:
        """Publish that an account is disabled or deleted, and write it; return what it was.

        :raises NoSuchAccount: if there is none.
        """
        while True:
            found = await self._accounts.read(account)
            is_done = found is not None and found.state == state
            if found is None or (found.state == DELETED and not is_done):
                raise NoSuchAccount
            version = found.version if is_done else found.version + 1
            await self._publish(account, RevokedEvent(code=state, version=version))
            with suppress(AccountChanged):
                if not is_done:
                    await self._accounts.set_state(account, state, if_version=found.version)
                return found

    async def _publish(self, account: str, event: RevokedEvent) -> None:
        await publish_event(self._calls, self._scope, account, event)

    async def enable(self, account: str) -> None:
        """Let the owner of a disabled account in again."""
        await self._accounts.set_state(account, ACTIVE)

    async def apply_again(self, revocations: Collection[Revocation]) -> int:
        """Carry out revocations again that a failover may have undone; return how many it had.

        - An account that was enabled after it was disabled stays enabled.
        - Of an event that names no devices, none are: it says nothing of those that came later.
        """
        undone = 0
        for account, event, _ in revocations:
            if event.devices:
                undone += len(await self._sign_out(account, event.devices))
            if event.code in {DISABLED, DELETED}:
                undone += await self._end_again(account, event)
        return undone

    async def _end_again(self, account: str, event: RevokedEvent) -> bool:
        found = await self._accounts.read(account)
        if found is None or found.state == event.code or found.version >= event.version:
            return False
        if event.code == DELETED:
            await self.delete(account)
            return True
        try:
            await self._accounts.set_state(account, event.code, if_version=found.version)
        except (AccountChanged, NoSuchAccount):
            return False
        return True
