"""The accounts in Redis: who registered, under which nickname, and what they may do."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from typing import Any, Final, NamedTuple

from gateway.auth.device_tokens import DeviceRecord
from gateway.backplane.account_keys import AccountKeys
from gateway.backplane.devices import encode_device, read_device
from gateway.backplane.redis.calls import Calls
from gateway.backplane.redis.errors import reading
from gateway.backplane.redis.scripts import CHANGE_ACCOUNT, CREATE_ACCOUNT
from gateway.backplane.reservations import NickReservations, Reservation

ACTIVE: Final = "active"
DISABLED: Final = "disabled"
DELETED: Final = "deleted"
STATES: Final = (ACTIVE, DISABLED, DELETED)
ROLES: Final = ("user", "admin", "owner")
DELETED_SECONDS: Final = 30 * 86_400
"""Seconds of Redis's clock for which the nickname of a deleted account stays reserved."""

_NOW: Final = "(now)"
_MISSING: Final = 0
_CHANGED: Final = -1


class NoSuchAccount(Exception):
    """There is no such account, or not any more."""


class AccountChanged(Exception):
    """The account has changed since it was read: read it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person who has registered.

    - ``id``: never changes;
    - ``folded``: the nickname as it is reserved;
    - ``password``: its encoded hash; empty if there is none;
    - ``created``, ``ended``: Unix times in seconds; ``ended`` is when it was deleted, else 0;
    - ``status``: what the person chose, ``STATE TEXT``;
    - ``issuer``, ``subject``: the outside identity; empty if there is none;
    - ``register_id``: of the command that registered it, by which another attempt is recognised;
    - ``reset``, ``reset_until``: the encoded hash of a one-time code in place of the password, and
      the Unix time in seconds at which that ends;
    - ``version``: counts the changes.
    """

    id: str
    nick: str
    folded: str
    password: str = ""
    role: str = "user"
    state: str = ACTIVE
    created: int = 0
    ended: int = 0
    status: str = ""
    issuer: str = ""
    subject: str = ""
    register_id: str = ""
    reset: str = ""
    reset_until: int = 0
    version: int = 0


class SignIn(NamedTuple):
    """What a sign-in with a device token needs; ``now`` is Redis's time, Unix seconds."""

    account: Account | None
    device: DeviceRecord | None
    now: int


_FIELDS: Final = tuple(each.name for each in fields(Account) if each.name != "id")
_NUMBERS: Final = frozenset({"created", "ended", "reset_until", "version"})
_STORED_BY_SCRIPT: Final = frozenset({"created", "version"})


class AccountStore:
    """The accounts of a cluster. Every method raises `Unavailable` if Redis cannot answer.

    What must not be undone is written by ``durable``: then it may raise `Uncertain`, too.
    """

    def __init__(self, calls: Calls, durable: Calls, *, namespace: str) -> None:
        self._calls = calls
        self._durable = durable
        self._namespace = namespace
        self._subjects = f"{namespace}:{{subjects}}"
        self.reservations = NickReservations(durable, namespace=namespace)
        """The nicknames of all accounts; what is read of them is durable, too."""
        self._reserved = NickReservations(calls, namespace=namespace)

    def _keys(self, account: str) -> AccountKeys:
        return AccountKeys(self._namespace, account)

    # --- reading ------------------------------------------------------------------------------

    @reading
    async def read(self, account: str) -> Account | None:
        """Return an account; None if there is none with this id."""
        values = await self._calls.call("HMGET", self._keys(account).meta, *_FIELDS)
        return _read(account, values)

    @reading
    async def read_for_sign_in(self, account: str, device: str) -> SignIn:
        """Return an account, one of its devices, and the time, in one round trip."""
        keys = self._keys(account)
        values, encoded, (seconds, _) = await self._calls.call_all(
            [("HMGET", keys.meta, *_FIELDS), ("HGET", keys.devices, device), ("TIME",)]
        )
        return SignIn(_read(account, values), read_device(encoded), int(seconds))

    async def now(self) -> int:
        """Return Redis's time, as a Unix time in seconds."""
        seconds, _ = await self._calls.call("TIME")
        return int(seconds)

    async def find(self, folded: str) -> str:
        """Return the id of the account that has a nickname; empty if none has."""
        return await self._reserved.account_of(folded)

    async def find_subject(self, issuer: str, subject: str) -> str:
        """Return the id of the account of an outside identity; empty if there is none."""
        found = await self._calls.call("HGET", self._subjects, _digest(issuer, subject))
        return (found or b"").decode("utf-8", "replace")

    # --- registering --------------------------------------------------------------------------

    async def register(
        self, account: Account, devices: dict[str, DeviceRecord] | None = None, *, session: str = ""
    ) -> Reservation:
        """Create an account, reserve its nickname, and return whether it could be reserved.

        - ``devices``: at most one, by its id;
        - ``session``: a guest's, which may have the nickname.

        It is ``ok`` once both are durable. Otherwise the account is deleted again. Safe to repeat
        with the same id.
        """
        _, reserved = await self._durable.call_all(
            [
                self._creating(account, devices or {}),
                self.reservations.reserving(account.folded, account.id, session=session),
            ]
        )
        answer = self.reservations.answer(reserved)
        if answer != "ok":
            await self.purge(account.id)
        return answer

    def _creating(self, account: Account, devices: dict[str, DeviceRecord]) -> tuple[Any, ...]:
        keys = self._keys(account.id)
        first = [part for name, each in devices.items() for part in (name, encode_device(each))]
        return CREATE_ACCOUNT.command(
            (keys.meta, keys.devices), *(first or ("", "")), *_written(account)
        )

    async def claim_subject(self, issuer: str, subject: str, account: str) -> str:
        """Give an outside identity to an account, unless another has it; return the one that has.

        :raises Uncertain: if it was given, and is not durable in time; it is safe to repeat.
        """
        digest = _digest(issuer, subject)
        _, owner = await self._durable.call_all(
            [("HSETNX", self._subjects, digest, account), ("HGET", self._subjects, digest)]
        )
        return str(owner.decode())

    # --- changing -----------------------------------------------------------------------------

    async def set_password(
        self, account: str, encoded: str, *, if_version: int | None = None
    ) -> int:
        """Set the hash of the password, and delete the one-time code; return the new version."""
        changes = {"password": encoded, "reset": "", "reset_until": "0"}
        return await self._change(self._durable, account, changes, if_version)

    async def rehash(self, account: str, encoded: str, *, if_version: int) -> int:
        """Replace the hash of the same password; may be lost with a failover."""
        return await self._change(self._calls, account, {"password": encoded}, if_version)

    async def set_reset(self, account: str, encoded: str, until: int) -> int:
        """Set the hash of a one-time code that stands for the password until a time."""
        changes = {"reset": encoded, "reset_until": str(until)}
        return await self._change(self._durable, account, changes)

    async def set_role(self, account: str, role: str) -> int:
        """Set what an account may do; return its new version."""
        return await self._change(self._durable, account, {"role": role})

    async def set_state(self, account: str, state: str, *, if_version: int | None = None) -> int:
        """Set whether an account can be used, one of `STATES`; return its new version."""
        changes = {"state": state, "ended": _NOW if state == DELETED else "0"}
        return await self._change(self._durable, account, changes, if_version)

    async def set_status(self, account: str, status: str) -> int:
        """Set the status that a person chose; the last choice wins."""
        return await self._change(self._calls, account, {"status": status})

    async def set_nick(self, account: Account, nick: str, folded: str) -> Reservation:
        """Rename an account: reserve the new nickname, then give up the one before.

        Safe to repeat. A session, even one of the account's own, must not have the new nickname.
        """
        if folded != account.folded:
            answer = await self.reservations.reserve(folded, account.id)
            if answer != "ok":
                return answer
        await self._change(self._durable, account.id, {"nick": nick, "folded": folded})
        if folded != account.folded:
            await self.reservations.unreserve(account.folded, account.id)
        return "ok"

    async def delete(self, account: Account) -> None:
        """Delete an account at once, with all that it has, and give up its nickname."""
        await self._durable.call_all(
            [
                ("UNLINK", *self._keys(account.id).all()),
                *self._forgetting_subject(account),
            ]
        )
        await self.reservations.unreserve(account.folded, account.id)

    def _forgetting_subject(self, account: Account) -> list[tuple[str, ...]]:
        if not account.issuer:
            return []
        return [("HDEL", self._subjects, _digest(account.issuer, account.subject))]

    async def purge(self, account: str) -> None:
        """Delete what is stored of an account that has no nickname."""
        await self._calls.call("UNLINK", *self._keys(account).all())

    async def _change(
        self, calls: Calls, account: str, changes: dict[str, str], if_version: int | None = None
    ) -> int:
        """Change an account; return its new version.

        :raises NoSuchAccount: if there is none.
        :raises AccountChanged: if it is not of the version ``if_version``.
        """
        flat = [part for change in changes.items() for part in change]
        expected = "" if if_version is None else if_version
        keys = self._keys(account)
        version: int = await calls.run_script(CHANGE_ACCOUNT, (keys.meta,), expected, *flat)
        if version == _MISSING:
            raise NoSuchAccount
        if version == _CHANGED:
            raise AccountChanged
        return version


def restored(account: Account) -> Account:
    """Return an account as it is imported: without its one-time code."""
    return replace(account, reset="", reset_until=0)


def _digest(issuer: str, subject: str) -> str:
    """Return what stands for an outside identity; two identities have the same never."""
    text = f"{len(issuer)}:{issuer}{subject}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _written(account: Account) -> list[str]:
    """Return the fields of an account and their values, without those that are empty."""
    return [
        part
        for name in _FIELDS
        if name not in _STORED_BY_SCRIPT and (value := getattr(account, name))
        for part in (name, str(value))
    ]


def _read(account: str, values: list[bytes | None]) -> Account | None:
    """Return an account, given its `_FIELDS`; None if they are missing."""
    stored = {
        name: int(value) if name in _NUMBERS else value.decode()
        for name, value in zip(_FIELDS, values, strict=True)
        if value is not None
    }
    if not {"nick", "folded", "version"} <= stored.keys():
        return None
    return Account(id=account, **stored)  # type: ignore[arg-type] # numbers by their names
