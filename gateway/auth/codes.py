"""Codes that people read out and type: invitations, and those that reset a password. Pure.

A code is 80 random bits as ``XXXX-XXXX-XXXX-XXXX``, in letters and digits that nobody takes for
another (Crockford's Base32). Small letters, spaces and hyphens make no difference, and ``O``,
``I`` and ``L`` are read as the digits that they look like.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH: Final = 16
_GROUP: Final = 4
MOST_CHARS: Final = 64
"""Characters of what somebody typed that are read."""
_AS_READ: Final = str.maketrans("OIL", "011", " -\t")


def new_code() -> str:
    """Return a new code."""
    return _grouped("".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)))


def parse(typed: str) -> str | None:
    """Return a code as `new_code` writes it, given what somebody typed; None if it is none."""
    if len(typed) > MOST_CHARS or not typed.isascii():
        return None
    code = typed.upper().translate(_AS_READ)
    return _grouped(code) if len(code) == _LENGTH and set(code) <= set(_ALPHABET) else None


def hash_code(code: str) -> str:
    """Return what is stored of a code, as `parse` returns it: 64 hexadecimal digits."""
    return hashlib.sha256(code.encode()).hexdigest()


def _grouped(code: str) -> str:
    return "-".join(code[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))
