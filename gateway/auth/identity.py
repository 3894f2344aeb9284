"""Whose a session is, told from its id alone. Pure.

The id of a session of an account is ``ACCOUNT.DEVICE.DIGEST``: 16 and 12 hexadecimal digits, and
the digest of the session's secret. Every other id is that of a guest.
"""

from __future__ import annotations

import re
from typing import Final

_OF_ACCOUNT: Final = re.compile(r"([0-9a-f]{16})\.([0-9a-f]{12})\..+")
_ACCOUNT: Final = re.compile("[0-9a-f]{16}")


def account_of(sid: str) -> str:
    """Return the id of the account that a session belongs to; empty for a guest."""
    found = _OF_ACCOUNT.fullmatch(sid)
    return found[1] if found else ""


def device_of(sid: str) -> str:
    """Return the id of the device that a session belongs to; empty for a guest."""
    found = _OF_ACCOUNT.fullmatch(sid)
    return found[2] if found else ""


def person_of(sid: str) -> str:
    """Return the id of the person: the account, or the session of a guest.

    Whoever owns an inbox and read markers is named so.
    """
    return account_of(sid) or sid


def sender_of(sid: str) -> str:
    """Return the scope of a client's idempotency keys: account and device, or a guest's session."""
    found = _OF_ACCOUNT.fullmatch(sid)
    return f"{found[1]}.{found[2]}" if found else sid


def is_account(person: str) -> bool:
    """Return whether the id of a person, as of `person_of`, is that of an account."""
    return _ACCOUNT.fullmatch(person) is not None
