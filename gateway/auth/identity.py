"""Identifiers of accounts and devices, and what a session id says of its owner. Pure.

- A session id (sid) of an account's session is ``ACCOUNT.DEVICE.DIGEST``; a guest's has no dot.
- Only a node makes them, by `session_secrets.session_id`. That a text has this form proves
  nothing: the session has to exist, too.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

_ACCOUNT_BYTES: Final = 8
_DEVICE_BYTES: Final = 6
ACCOUNT_PATTERN: Final = "[0-9a-f]{16}"
DEVICE_PATTERN: Final = "[0-9a-f]{12}"
_ACCOUNT: Final = re.compile(ACCOUNT_PATTERN)
_DEVICE: Final = re.compile(DEVICE_PATTERN)
_SID: Final = re.compile(f"({ACCOUNT_PATTERN})\\.({DEVICE_PATTERN})\\.[A-Za-z0-9_-]+")


def new_account_id() -> str:
    """Return a new id of an account: 64 random bits, as 16 hexadecimal digits."""
    return secrets.token_hex(_ACCOUNT_BYTES)


def new_device_id() -> str:
    """Return a new id of a device, unique within its account: 12 hexadecimal digits."""
    return secrets.token_hex(_DEVICE_BYTES)


def device_id_of(account: str, command_id: str) -> str:
    """Return the id of the device that a command signs in: the same when it is sent again."""
    digest = hashlib.sha256(f"{account} signed in by {command_id}".encode())
    return digest.hexdigest()[: 2 * _DEVICE_BYTES]


def is_account_id(text: str) -> bool:
    """Return whether a text has the form of an account's id."""
    return _ACCOUNT.fullmatch(text) is not None


def is_device_id(text: str) -> bool:
    """Return whether a text has the form of a device's id."""
    return _DEVICE.fullmatch(text) is not None


def account_of(sid: str) -> str:
    """Return the id of the account whose session this is; '' for a guest's."""
    found = _SID.fullmatch(sid)
    return found[1] if found else ""


def device_of(sid: str) -> str:
    """Return the id of the device whose session this is; '' for a guest's."""
    found = _SID.fullmatch(sid)
    return found[2] if found else ""


def person_of(sid: str) -> str:
    """Return who owns the session's inbox and read markers: an account's id, or a guest's sid."""
    return account_of(sid) or sid


def sender_of(sid: str) -> str:
    """Return within what ids of commands are unique: ``ACCOUNT.DEVICE``, or a guest's sid."""
    found = _SID.fullmatch(sid)
    return f"{found[1]}.{found[2]}" if found else sid
