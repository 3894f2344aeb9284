"""The devices of accounts in Redis: where somebody is signed in, and by which token."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Final

import msgspec
from msgspec import Struct

from gateway.backplane.account_keys import AccountKeys
from gateway.backplane.redis.calls import Calls
from gateway.backplane.redis.errors import reading
from gateway.backplane.redis.scripts import ADD_DEVICE, REPLACE_DEVICE

MOST_DEVICES: Final = 50
"""Devices of an account; with another one, the one that was unused longest is signed out."""
HOUR: Final = 3600

_ADDED: Final = 0
_CHANGED: Final = -2


class Device(Struct, frozen=True, omit_defaults=True):
    """Where an account is signed in.

    - ``hash``: of the secret in its token; ``next``: of the one that replaces it once it is used;
    - ``seen``: the hour in which it was last used; ``made``: when it signed in; ``renewed``: when
      its token was last replaced: Unix times in seconds.
    """

    name: str
    hash: str
    seen: int
    made: int
    next: str = ""
    renewed: int = 0


class CannotAddDevice(Exception):
    """The account is not active any more, or there is none."""


class OutdatedSignIn(Exception):
    """The account has changed since the password was checked: check it again."""


_decoder = msgspec.json.Decoder(Device)


def new_device_id() -> str:
    """Return an id for a new device: 12 hexadecimal digits."""
    return secrets.token_hex(6)


def hour_of(now: int) -> int:
    """Return the hour of a time: `Device.seen` is kept to the hour."""
    return now - now % HOUR


def encode_device(device: Device) -> bytes:
    """Return a device as Redis has it."""
    return msgspec.json.encode(device)


def read_device(encoded: bytes | None) -> Device | None:
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
        self, account: str, name: str, device: Device, *, if_version: int | None = None
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

    async def get(self, account: str, name: str) -> Device | None:
        """Return a device; None if there is none with this id."""
        return read_device(await self._calls.call("HGET", self._key(account), name))

    @reading
    async def of(self, account: str) -> dict[str, Device]:
        """Return the devices of an account by their ids, the one that was used last first."""
        flat: list[bytes] = await self._calls.call("HGETALL", self._key(account))
        devices = {
            name.decode(): device
            for name, encoded in zip(flat[::2], flat[1::2], strict=True)
            if (device := read_device(encoded)) is not None
        }
        order = sorted(devices.items(), key=lambda each: (-each[1].seen, -each[1].made, each[0]))
        return dict(order)

    async def touch(self, account: str, name: str, device: Device, now: int) -> Device:
        """Record that a device is used now; writes only if it is another hour than the last.

        ``device`` is as it was read. Another node may have changed it: then nothing is recorded.
        """
        seen = hour_of(now)
        if seen == device.seen:
            return device
        touched = msgspec.structs.replace(device, seen=seen)
        return (
            touched
            if await self._replace(self._calls, account, name, device, touched)
            else (device)
        )

    async def offer_token(self, account: str, name: str, device: Device, hashed: str) -> bool:
        """Record the hash of a new token, which holds beside the present one until it is used.

        Returns whether it was recorded: not if the device has changed since it was read.
        """
        offered = msgspec.structs.replace(device, next=hashed)
        return await self._replace(self._durable, account, name, device, offered)

    async def take_token(self, account: str, name: str, device: Device, now: int) -> bool:
        """Let the offered token, which was used, replace the one before; safe to repeat."""
        taken = msgspec.structs.replace(device, hash=device.next, next="", renewed=now)
        return await self._replace(self._durable, account, name, device, taken)

    async def _replace(
        self, calls: Calls, account: str, name: str, before: Device, after: Device
    ) -> bool:
        replaced: int = await calls.run_script(
            REPLACE_DEVICE, (self._key(account),), name, encode_device(before), encode_device(after)
        )
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
