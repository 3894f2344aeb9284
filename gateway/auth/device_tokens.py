"""Device tokens, by which a device signs in without a password, and their renewal. Pure.

A token is ``ACCOUNT.DEVICE.SECRET``, its secret 256 random bits; what is stored is the hash of the
secret. Times are seconds of the Unix epoch.

A token is renewed in use, once a day, in two steps:

1. Somebody signs in with a token that is due. `use` returns the next token, and the device with its
   hash beside that of the old one: both work.
2. Somebody signs in with the next token. `use` returns the device with that hash alone: the client
   has it, so the old one ends.

The next secret is made of the old one and of random ``salt`` that is stored. So every sign-in with
the old token is given the same next one, however many there are at once, on whatever node, and
whichever of the answers is lost. Neither the store alone nor an old token alone reveals it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from typing import Final, Literal, NamedTuple

import msgspec

from gateway.auth.identity import ACCOUNT_PATTERN, DEVICE_PATTERN

RENEWED_AFTER: Final = 86_400.0
"""Seconds of a token's use after which it is renewed."""
SEEN_STEP: Final = 3600
"""Seconds to which it is kept when a device was last seen: so many sign-ins write nothing."""
MOST_CHARS: Final = 16 + 1 + 12 + 1 + 43
_DAY: Final = 86_400.0
_SECRET_BYTES: Final = 32
_TOKEN: Final = re.compile(f"({ACCOUNT_PATTERN})\\.({DEVICE_PATTERN})\\.([A-Za-z0-9_-]{{43}})")

Reason = Literal["malformed", "unknown", "expired", "revoked"]


class BadDeviceToken(Exception):
    """A device token is refused; ``reason`` says why, by a word of the wire."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"the token is {reason}")
        self.reason: Reason = reason


class DeviceToken(NamedTuple):
    """A token that somebody presents."""

    account: str
    device: str
    secret: str


class DeviceRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A device of an account, as it is stored under its id.

    - ``name``: what its owner reads in the list of devices;
    - ``hash``: of the token's secret; '' if it has no token, as one that signs in by JWT;
    - ``next``: of the secret of the token that it has been given in exchange, or '';
    - ``salt``: of which that one is made;
    - ``seen``: when it was last used, rounded down to `SEEN_STEP`;
    - ``made``, ``renewed``: when it signed in, and when it began to use the token of ``hash``; of a
      device without one, when its JSON Web Token expires.
    """

    name: str
    hash: str = ""
    next: str = ""
    salt: str = ""
    seen: int = 0
    made: int = 0
    renewed: int = 0


class Used(NamedTuple):
    """What comes of a token that is accepted.

    - ``device``: what is to be stored, before ``token`` is given away; the same as before if
      nothing changes;
    - ``token``: the one that the client is to keep in place of this one, or ''.
    """

    device: DeviceRecord
    token: str


def new_device(account: str, device: str, name: str, now: float) -> tuple[DeviceRecord, str]:
    """Return a new device of an account, and its token."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    made = DeviceRecord(
        name=name,
        hash=hash_secret(secret),
        salt=secrets.token_urlsafe(_SECRET_BYTES),
        seen=_seen(now),
        made=int(now),
        renewed=int(now),
    )
    return made, f"{account}.{device}.{secret}"


def parse(token: str) -> DeviceToken:
    """Return the parts of a token.

    :raises BadDeviceToken: ``malformed`` if a text has another form than all tokens.
    """
    found = _TOKEN.fullmatch(token) if len(token) == MOST_CHARS else None
    if found is None:
        raise BadDeviceToken("malformed")
    return DeviceToken(found[1], found[2], found[3])


def hash_secret(secret: str) -> str:
    """Return what is stored of a secret of 256 random bits: its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def use(device: DeviceRecord, token: DeviceToken, now: float, *, unused_days: float) -> Used:
    """Return what comes of signing in with a token, given the device that it names.

    - ``unused_days``: the days without use after which a token ends; 0 means never.

    :raises BadDeviceToken: ``unknown`` if it is no token of this device (any more), ``expired``.
    """
    presented = hash_secret(token.secret)
    is_current = _is_same(presented, device.hash)
    is_next = _is_same(presented, device.next)
    if not is_current and not is_next:
        raise BadDeviceToken("unknown")
    if has_expired(device, now, unused_days=unused_days):
        raise BadDeviceToken("expired")
    device = msgspec.structs.replace(device, seen=max(device.seen, _seen(now)))
    if is_next:
        return Used(_settled(device, now), "")
    if not device.salt or now - device.renewed < RENEWED_AFTER:
        return Used(device, "")
    secret = _next_secret(device.salt, token.secret)
    renewed = msgspec.structs.replace(device, next=hash_secret(secret))
    return Used(renewed, f"{token.account}.{token.device}.{secret}")


def has_expired(device: DeviceRecord, now: float, *, unused_days: float) -> bool:
    """Return whether a device has not been used for so many days; 0 days mean never."""
    return bool(unused_days) and now - device.seen >= unused_days * _DAY + SEEN_STEP


def _settled(device: DeviceRecord, now: float) -> DeviceRecord:
    """Return a device whose next token is its only one."""
    salt = secrets.token_urlsafe(_SECRET_BYTES)
    return msgspec.structs.replace(device, hash=device.next, next="", salt=salt, renewed=int(now))


def _next_secret(salt: str, secret: str) -> str:
    digest = hmac.digest(salt.encode(), secret.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _is_same(presented: str, stored: str) -> bool:
    """Return whether two hashes are the same; it takes as long for any two."""
    return hmac.compare_digest(presented, stored)


def _seen(now: float) -> int:
    return int(now) // SEEN_STEP * SEEN_STEP
