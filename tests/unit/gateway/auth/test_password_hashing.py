"""Hashes of passwords."""

from __future__ import annotations

import pytest

from gateway.auth.password_hashing import (
    COST,
    Argon2Cost,
    hash_password,
    is_acceptable,
    needs_rehash,
    verify_password,
)

CHEAP = Argon2Cost(memory_kib=8, passes=1, lanes=1)
SALT, DIGEST = "c29tZXNhbHRzb21lc2FsdA", "BXQ0Pn5IxyUqUp3+4vPoGvvSlk6XCKyeFJk8XSlfqyI"


def encoded(parameters: str, kind: str = "argon2id", salt: str = SALT, digest: str = DIGEST) -> str:
    return f"${kind}$v=19${parameters}${salt}${digest}"


def test_a_password_has_its_hash_and_no_other_has() -> None:
    hashed = hash_password("one", CHEAP)
    assert verify_password(hashed, "one", CHEAP)
    assert not verify_password(hashed, "two", CHEAP)
    assert hash_password("one", CHEAP) != hashed, "each has a salt of its own"


def test_new_hashes_cost_what_is_promised() -> None:
    assert hash_password("one").startswith("$argon2id$v=19$m=65536,t=3,p=1$")


def test_a_hash_with_other_parameters_is_made_anew_and_holds_until_then() -> None:
    old = hash_password("one", CHEAP)
    dearer = Argon2Cost(memory_kib=16, passes=1, lanes=1)
    assert not needs_rehash(old, CHEAP)
    assert needs_rehash(old, dearer)
    assert verify_password(old, "one", dearer)
    assert needs_rehash("", CHEAP)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "x",
        "x" * 1_000_000,
        "$2b$12$EXRkfkdmXn2gzds2SSitu.MW9.gAVqa9eLS1//RYtYCmB1eLHg.9q",
        encoded("m=8,t=1,p=1", kind="argon2x"),
        encoded("m=8,t=1,p=1", salt="short"),
        encoded("m=8,t=1,p=1", salt="-" * 22),
        encoded("m=8,t=1,p=1", digest=""),
        encoded("m=8,t=1,p=1") + "\n",
        encoded("m=8,t=1,p=0"),
        encoded("m=8,t=0,p=1"),
        encoded("m=0,t=1,p=1"),
        encoded("m=7,t=1,p=1"),
        encoded("m=٨,t=1,p=1"),
    ],
)
def test_what_is_no_hash_is_nobodys(stored: str) -> None:
    assert not is_acceptable(stored, CHEAP)
    assert not verify_password(stored, "one", CHEAP)


@pytest.mark.parametrize("parameters", ["m=4194304,t=3,p=1", "m=65536,t=13,p=1", "m=65536,t=3,p=5"])
def test_a_hash_that_asks_for_too_much_is_not_computed(parameters: str) -> None:
    assert not is_acceptable(encoded(parameters))


@pytest.mark.parametrize("parameters", ["m=65536,t=3,p=1", "m=65536,t=12,p=1", "m=19456,t=2,p=1"])
def test_hashes_of_other_programs_are_taken(parameters: str) -> None:
    assert is_acceptable(encoded(parameters))
    assert needs_rehash(encoded(parameters)) == (parameters != "m=65536,t=3,p=1")
    assert COST == (65536, 3, 1)
