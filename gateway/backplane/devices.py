"""The devices of accounts in Redis: where somebody is signed in, and by which token."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from gateway.auth.device_tokens import DeviceRecord
from gateway.backplane.account_keys import AccountKeys
from gateway.backplane.redis.calls import Calls
from gateway.backplane.redis.errors import reading
from gateway.backplane.redis.scripts import ADD_DEVICE, REPLACE_DEVICE

MOST_DEVICES: Final = 50
"""Devices of an account; with another one, the one that was unused longest is signed out."""

_ADDED: Final = 0
_CHANGED: Final = -2


class CannotAddDevice(Exception):
    """The account is not active any more, or there is none."""


class OutdatedSignIn(Exception):
    """The account has changed since the password was checked: check it again."""


_decoder = msgspec.json.Decoder(DeviceRecord)


def encode_device(device: DeviceRecord) -> bytes:
    """Return a device as Redis has it."""
    return msgspec.json.encode(device)


def read_device(encoded: bytes | None) -> DeviceRecord | None:
    """Return the device that Redis has; None if there is none, or another program wrote it."""
    if encoded is None:
        return None
    try:
        return _decoder.decode(encoded)
    except msgspec.MsgspecError:
        return None


class DeviceStore:
    """The devices of all accounts. Every method raises `Unavailable` if Redis cannot answer.

    A new device and a revocation are written by ``durable``: these may raise `Uncertain`, too.
    """

    def __init__(self, calls: Calls, durable: Calls, *, namespace: str) -> None:
        self._calls = calls
        self._durable = durable
        self._namespace = namespace

    def _key(self, account: str) -> str:
        return AccountKeys(self._namespace, account).devices

    async def add(
        self, account: str, name: str, device: DeviceRecord, *, if_version: int | None = None
    ) -> list[str]:
        """Add a device with an id; return those that are signed out for it (`MOST_DEVICES`).

        ``if_version`` is that of the account when its password was checked: so nobody comes in by
        a password that was changed meanwhile, after the devices of that time were revoked.

        :raises CannotAddDevice: if the account is not active.
        :raises OutdatedSignIn: if the account has another version.
        """
        keys = AccountKeys(self._namespace, account)
        expected = "" if if_version is None else if_version
        added, *more = await self._durable.run_script(
            ADD_DEVICE, (keys.meta, keys.devices), name, encode_device(device),
            MOST_DEVICES, expected,
        )  # fmt: skip
        if added == _CHANGED:
            raise OutdatedSignIn
        if added != _ADDED:
            raise CannotAddDevice
        return [each.decode() for each in more[0]]

    async def get(self, account: str, name: str) -> DeviceRecord | None:
        """Return a device; None if there is none with this id."""
        return read_device(await self._calls.call("HGET", self._key(account), name))

    @reading
    async def of(self, account: str) -> dict[str, DeviceRecord]:
        """Return the devices of an account by their ids, the one that was used last first."""
        flat: list[bytes] = await self._calls.call("HGETALL", self._key(account))
        devices = {
            name.decode(): device
            for name, encoded in zip(flat[::2], flat[1::2], strict=True)
            if (device := read_device(encoded)) is not None
        }
        order = sorted(devices.items(), key=lambda each: (-each[1].seen, -each[1].made, each[0]))
        return dict(order)

    async def record_use(
        self, account: str, name: str, before: DeviceRecord, after: DeviceRecord
    ) -> bool:
        """Record what `gateway.auth.device_tokens.use` returned of a device as it was read.

        - Nothing is written if nothing changes: most sign-ins are within the hour of the last.
        - A new token is durable when this returns; when the device was last seen need not be.

        :returns: whether what is stored agrees with ``after``; not if the device was revoked, or
            its token changed meanwhile: then read it again.
        :raises Uncertain: if a new token is not durable in time. Do not give it away then: the
            client is signed in all the same, and keeps the token that it has.
        """
        if before == after:
            return True
        renews = (before.hash, before.next) != (after.hash, after.next)
        replaced: int = await (self._durable if renews else self._calls).run_script(
            REPLACE_DEVICE, (self._key(account),), name, before.hash, before.next,
            encode_device(after),
        )  # fmt: skip
        return bool(replaced)

    async def revoke(self, account: str, names: Collection[str]) -> list[str]:
        """Delete devices; return those of them that there were. Safe to repeat."""
        if not names:
            return []
        replies = await self._durable.call_all(
            [("HDEL", self._key(account), name) for name in names]
        )
        return [name for name, deleted in zip(names, replies, strict=True) if deleted]

    async def others(self, account: str, except_for: str | None = None) -> list[str]:
        """Return the ids of all devices of an account but one."""
        names: list[bytes] = await self._calls.call("HKEYS", self._key(account))
        return [name for each in names if (name := each.decode("utf-8", "replace")) != except_for]
