"""Hashes of passwords, by Argon2id. Pure, but each takes 64 MiB and a fifth of a second.

A node calls these through `gateway.credentials.password_hasher`, which bounds how many run at once.
A password is given as `gateway.wire.passwords.prepare` returns it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final, NamedTuple

import argon2
from argon2.exceptions import (
    HashingError,
    InvalidHashError,
    VerificationError,
    VerifyMismatchError,
)


class Argon2Cost(NamedTuple):
    """What a hash costs: memory in KiB, passes over it, and lanes (threads)."""

    memory_kib: int = 64 * 1024
    passes: int = 3
    lanes: int = 1


COST: Final = Argon2Cost()
_SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32
_MOST_LANES: Final = 4
_BASE64: Final = "[A-Za-z0-9+/]"
_ENCODED: Final = re.compile(
    "\\$argon2(?:id|i|d)\\$v=19\\$m=[0-9]{1,9},t=[0-9]{1,4},p=[0-9]{1,2}"
    f"\\${_BASE64}{{11,86}}\\${_BASE64}{{16,86}}"
)


class CannotHash(Exception):
    """A hash cannot be computed: there is no memory for it."""


def hash_password(password: str, cost: Argon2Cost = COST) -> str:
    """Return the hash of a password with its salt and parameters, as text (PHC string format).

    :raises CannotHash:
    """
    try:
        return _hasher(cost).hash(password)
    except HashingError as error:
        raise CannotHash(str(error)) from None


def verify_password(encoded: str, password: str, cost: Argon2Cost = COST) -> bool:
    """Return whether a hash is that of a password.

    - ``encoded`` is '' for somebody who does not exist or has no password; that takes as long.
    - A hash that `is_acceptable` refuses is nobody's.

    :raises CannotHash:
    """
    if not is_acceptable(encoded, cost):
        hash_password(password, cost)
        return False
    try:
        return _hasher(cost).verify(encoded, password)
    except VerifyMismatchError:
        return False
    except VerificationError as error:
        raise CannotHash(str(error)) from None


def needs_rehash(encoded: str, cost: Argon2Cost = COST) -> bool:
    """Return whether a hash has other parameters than new ones get; then it is to be made anew."""
    try:
        return _hasher(cost).check_needs_rehash(encoded)
    except InvalidHashError:
        return True


def is_acceptable(encoded: str, cost: Argon2Cost = COST) -> bool:
    """Return whether a text is an Argon2 hash that takes at most the memory of a new one.

    It may take four times as long. Hashes that are imported are tried by this: one may ask for
    gigabytes.
    """
    if not _ENCODED.fullmatch(encoded):
        return False
    found = argon2.extract_parameters(encoded)
    return (
        8 * found.parallelism <= found.memory_cost <= cost.memory_kib
        and 0 < found.memory_cost * found.time_cost <= 4 * cost.memory_kib * cost.passes
        and 0 < found.parallelism <= max(_MOST_LANES, cost.lanes)
    )


@cache
def _hasher(cost: Argon2Cost) -> argon2.PasswordHasher:
    return argon2.PasswordHasher(
        time_cost=cost.passes,
        memory_cost=cost.memory_kib,
        parallelism=cost.lanes,
        hash_len=_HASH_BYTES,
        salt_len=_SALT_BYTES,
        type=argon2.Type.ID,
    )
