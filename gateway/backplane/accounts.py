"""The accounts in Redis: who registered, under which nickname, and what they may do."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
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

_MISSING: Final = 0
_CHANGED: Final = -1


class NoSuchAccount(Exception):
    """There is no such account, or not any more."""

    def __init__(self) -> None:
        super().__init__("there is no such account any more")


class AccountChanged(Exception):
    """The account has changed since it was read: read it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person who has registered.

    - ``id``: never changes;
    - ``folded``: the nickname as it is reserved;
    - ``password``: its encoded hash; empty if there is none;
    - ``created``: a Unix time in seconds;
    - ``status``: what the person chose, ``STATE TEXT``;
    - ``issuer``, ``subject``: the outside identity; empty if there is none;
    - ``register_id``: of the command that registered it, by which another attempt is recognised;
    - ``reset``, ``reset_until``: the hash of a one-time code in place of the password, and the Unix
      time in seconds at which that ends;
    - ``jwt_since``: JSON Web Tokens that were issued up to this Unix time are not accepted;
    - ``version``: counts the changes.
    """

    id: str
    nick: str
    folded: str
    password: str = ""
    role: str = "user"
    state: str = ACTIVE
    created: int = 0
    status: str = ""
    issuer: str = ""
    subject: str = ""
    register_id: str = ""
    reset: str = ""
    reset_until: int = 0
    jwt_since: int = -1
    version: int = 0


class DeviceLookup(NamedTuple):
    """What a sign-in with a device token needs; ``now`` is Redis's time, Unix seconds."""

    account: Account | None
    device: DeviceRecord | None
    now: int


_FIELDS: Final = tuple(each.name for each in fields(Account) if each.name != "id")
_NUMBERS: Final = frozenset({"created", "reset_until", "jwt_since", "version"})


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
    async def read_for_sign_in(self, account: str, device: str) -> DeviceLookup:
        """Return an account, one of its devices, and the time, in one round trip."""
        keys = self._keys(account)
        values, encoded, (seconds, _) = await self._calls.call_all(
            [("HMGET", keys.meta, *_FIELDS), ("HGET", keys.devices, device), ("TIME",)]
        )
        return DeviceLookup(_read(account, values), read_device(encoded), int(seconds))

    @reading
    async def read_many(self, accounts: Sequence[str]) -> list[Account]:
        """Return those of these accounts that there are, in one round trip."""
        replies = await self._calls.call_all(
            [("HMGET", self._keys(account).meta, *_FIELDS) for account in accounts]
        )
        found = [_read(account, values) for account, values in zip(accounts, replies, strict=True)]
        return [account for account in found if account is not None]

    @reading
    async def named_among(self, accounts: Sequence[str]) -> set[str]:
        """Return those of these accounts that have a nickname, in two round trips.

        Deleted ones have none, though it may still be reserved.
        """
        replies = await self._calls.call_all(
            [("HMGET", self._keys(account).meta, "folded", "state") for account in accounts]
        )
        named = {
            account: folded.decode()
            for account, (folded, state) in zip(accounts, replies, strict=True)
            if folded is not None and state != DELETED.encode()
        }
        owners = await self._reserved.accounts_of(list(named.values()))
        return {account for account, owner in zip(named, owners, strict=True) if account == owner}

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

        - ``account``: it is created now, unless it says when;
        - ``devices``: at most one, by its id;
        - ``session``: that of the guest who registers; if it has the nickname, it is ended.

        It is ``ok`` once both are durable. Otherwise the account is deleted again. Safe to repeat
        with the same id: an account that was there stays as it is.
        """
        is_new, reserved = await self._durable.call_all(
            [
                self._creating(account, devices or {}),
                self.reservations.reserving(account.folded, account.id, session=session),
            ]
        )
        answer = self.reservations.answer(reserved)
        if answer != "ok" and is_new:
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
        """Set the hash of a one-time code, in place of the password, until a time.

        The code is one of `gateway.auth.codes`; the time is a Unix time in seconds.
        """
        changes = {"password": "", "reset": encoded, "reset_until": str(until)}
        return await self._change(self._durable, account, changes)

    async def end_jwts(self, account: str) -> int:
        """Accept no JSON Web Tokens of an account any more that were issued before now."""
        return await self._change(self._durable, account, {"jwt_since": str(await self.now())})

    async def set_role(self, account: str, role: str) -> int:
        """Set what an account may do; return its new version."""
        return await self._change(self._durable, account, {"role": role})

    async def set_state(self, account: str, state: str, *, if_version: int | None = None) -> int:
        """Set whether an account can be used, one of `STATES`; return its new version."""
        return await self._change(self._durable, account, {"state": state}, if_version)

    async def set_status(self, account: str, status: str) -> int:
        """Set the status that a person chose; the last choice wins."""
        return await self._change(self._calls, account, {"status": status})

    async def set_nick(self, account: Account, nick: str, folded: str) -> Reservation:
        """Rename an account, if the new nickname is free; return whether it was. Safe to repeat."""
        if folded != account.folded:
            answer = await self.reservations.rename(account.folded, folded, account.id)
            if answer != "ok":
                return answer
        await self._change(self._durable, account.id, {"nick": nick, "folded": folded})
        return "ok"

    async def release(self, account: Account, *, until: int | None = None) -> None:
        """Give up what others may have of a deleted account; safe to repeat.

        That is its outside identity, and its nickname: now, or at a Unix time in seconds. What is
        stored of the account itself, which has no nickname then, is deleted within hours
        (`gateway.cluster.collector`).
        """
        if account.issuer:
            digest = _digest(account.issuer, account.subject)
            await self._durable.call("HDEL", self._subjects, digest)
        await self.reservations.unreserve(account.folded, account.id, until=until)

    async def forget(self, account: str) -> None:
        """Delete what is stored of an account without a nickname (`named_among`).

        Of a deletion that was broken off, this does the rest.
        """
        found = await self.read(account)
        if found is not None and await self.find(found.folded) == account:
            await self.release(found, until=await self.now() + DELETED_SECONDS)
        await self.purge(account)

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


def _digest(issuer: str, subject: str) -> str:
    """Return what stands for an outside identity; two identities have the same never."""
    text = f"{len(issuer)}:{issuer}{subject}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _written(account: Account) -> list[str]:
    """Return the fields of an account and their values, without those that are empty."""
    return [
        part for name in _FIELDS if (value := getattr(account, name)) for part in (name, str(value))
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
