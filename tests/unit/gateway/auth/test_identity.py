"""Whose a session is, told from its id."""

from __future__ import annotations

import pytest

from gateway.auth import session_secrets
from gateway.auth.identity import account_of, device_of, is_account, person_of, sender_of

ACCOUNT, DEVICE = "0123456789abcdef", "0123456789ab"
SID = f"{ACCOUNT}.{DEVICE}.x"


def test_a_session_of_an_account_tells_account_and_device() -> None:
    assert (account_of(SID), device_of(SID)) == (ACCOUNT, DEVICE)
    assert (person_of(SID), sender_of(SID)) == (ACCOUNT, f"{ACCOUNT}.{DEVICE}")


@pytest.mark.parametrize(
    "sid",
    [
        session_secrets.session_id("secret"), "s1", "", ACCOUNT, f"{ACCOUNT}.{DEVICE}",
        f"{ACCOUNT}.{DEVICE}.", f"{ACCOUNT.upper()}.{DEVICE}.x", f"x{SID}",
        f"{ACCOUNT}.{ACCOUNT}.x",
    ],
)  # fmt: skip
def test_every_other_id_is_that_of_a_guest(sid: str) -> None:
    assert (account_of(sid), device_of(sid)) == ("", "")
    assert person_of(sid) == sender_of(sid) == sid


def test_the_id_of_a_person_tells_whether_it_is_an_account() -> None:
    assert is_account(person_of(SID))
    others = [session_secrets.session_id("secret"), "bob", "", SID, ACCOUNT.upper(), f"{ACCOUNT}0"]
    assert not any(map(is_account, others))
