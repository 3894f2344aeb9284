"""Session secrets, and the session ids made from them. Pure."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from typing import Final

from gateway.auth.identity import (
    ACCOUNT_PATTERN,
    DEVICE_PATTERN,
    is_account_id,
    is_device_id,
    person_of,
)

_SECRET_BYTES: Final = 18
_ID_BYTES: Final = 15
_TAG_BYTES: Final = 12
_OF_ACCOUNT: Final = re.compile(f"({ACCOUNT_PATTERN}\\.{DEVICE_PATTERN}\\.)[A-Za-z0-9_-]{{24}}")


def new_secret(account: str = "", device: str = "") -> str:
    """Return a new secret, which only the client keeps: 144 random bits as URL-safe text.

    For a session of an account it is ``ACCOUNT.DEVICE.`` and those bits; a guest's has no dot.

    :raises ValueError: if one of the ids has another form, or only one is given.
    """
    random = secrets.token_urlsafe(_SECRET_BYTES)
    if not account and not device:
        return random
    if not is_account_id(account) or not is_device_id(device):
        raise ValueError("these are not the ids of an account and a device")
    return f"{account}.{device}.{random}"


def session_id(secret: str) -> str:
    """Return the public id of the session that has a secret; it does not reveal the secret.

    That of an account's session begins with ``ACCOUNT.DEVICE.``, if the secret has exactly the form
    that `new_secret` gives it. Any other secret makes a guest's id, without a dot. The prefix is
    what the client says: it is true only of a session that exists.
    """
    digest = hashlib.sha256(secret.encode()).digest()
    shown = base64.urlsafe_b64encode(digest[:_ID_BYTES]).decode()
    found = _OF_ACCOUNT.fullmatch(secret)
    return f"{found[1]}{shown}" if found else shown


def person_tag(session: str) -> str:
    """Return the tag by which clients tell whose messages they get, given a session's id.

    It is the same for all sessions of an account, and for as long as a guest's session lasts, under
    whatever nickname. It does not reveal the id.
    """
    digest = hashlib.sha256(b"person " + person_of(session).encode()).digest()
    return base64.urlsafe_b64encode(digest[:_TAG_BYTES]).decode()
