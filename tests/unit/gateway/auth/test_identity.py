"""What a session id says of its owner."""

from __future__ import annotations

import pytest

from gateway.auth.identity import (
    account_of,
    device_of,
    is_account_id,
    is_device_id,
    new_account_id,
    new_device_id,
    person_of,
    sender_of,
)
from gateway.auth.session_secrets import new_secret, person_tag, session_id

ACCOUNT = "0123456789abcdef"
DEVICE = "0123456789ab"
TAIL = "AbcdefghijkLmnopqrstuv_-"


def test_new_ids_have_their_form_and_differ() -> None:
    accounts, devices = {new_account_id() for _ in range(99)}, {new_device_id() for _ in range(99)}
    assert len(accounts) == len(devices) == 99
    assert all(map(is_account_id, accounts))
    assert all(map(is_device_id, devices))
    assert not any(map(is_device_id, accounts))
    assert not any(map(is_account_id, devices))


def test_a_session_of_an_account_says_whose_it_is() -> None:
    secret = new_secret(ACCOUNT, DEVICE)
    sid = session_id(secret)
    assert secret.startswith(f"{ACCOUNT}.{DEVICE}.")
    assert secret.rpartition(".")[2] not in sid
    assert (account_of(sid), device_of(sid)) == (ACCOUNT, DEVICE)
    assert (person_of(sid), sender_of(sid)) == (ACCOUNT, f"{ACCOUNT}.{DEVICE}")
    assert session_id(new_secret(ACCOUNT, DEVICE)) != sid


def test_a_guests_session_is_its_owner() -> None:
    sid = session_id(new_secret())
    assert "." not in sid
    assert (account_of(sid), device_of(sid)) == ("", "")
    assert (person_of(sid), sender_of(sid)) == (sid, sid)


def test_all_sessions_of_an_account_have_one_tag() -> None:
    mine = {person_tag(session_id(new_secret(ACCOUNT, new_device_id()))) for _ in range(9)}
    other = person_tag(session_id(new_secret(new_account_id(), DEVICE)))
    assert len(mine) == 1
    assert other not in mine
    assert ACCOUNT not in mine.pop()


@pytest.mark.parametrize(
    "secret",
    [
        f"{ACCOUNT}.{DEVICE}.{TAIL}x",
        f"{ACCOUNT}.{DEVICE}.{TAIL[1:]}",
        f"{ACCOUNT}.{DEVICE}.",
        f"{ACCOUNT}.{DEVICE}",
        f"{ACCOUNT}.{DEVICE}.{TAIL}\n",
        f"\n{ACCOUNT}.{DEVICE}.{TAIL}",
        f"{ACCOUNT.upper()}.{DEVICE}.{TAIL}",
        f"{ACCOUNT[1:]}.{DEVICE}.{TAIL}",
        f"0{ACCOUNT}.{DEVICE}.{TAIL}",
        f"{ACCOUNT}.{DEVICE}0.{TAIL}",
        f"{ACCOUNT}.{DEVICE[1:]}g.{TAIL}",
        f"{ACCOUNT}..{TAIL}",
        f".{DEVICE}.{TAIL}",
        f"{ACCOUNT}.{DEVICE}.x.{TAIL[2:]}",
        f"{ACCOUNT[:-1]}\N{FULLWIDTH DIGIT ONE}.{DEVICE}.{TAIL}",
        f"{ACCOUNT}\0.{DEVICE}.{TAIL}",
    ],
)
def test_a_secret_of_another_form_makes_a_guests_session(secret: str) -> None:
    sid = session_id(secret)
    assert "." not in sid
    assert person_of(sid) == sid


@pytest.mark.parametrize(
    "sid", ["", ".", "..", f"{ACCOUNT}.{DEVICE}.", f"{ACCOUNT}.{DEVICE}.a.b", f"{ACCOUNT}.x.y"]
)
def test_what_is_no_session_id_of_an_account_is_a_guests(sid: str) -> None:
    assert (account_of(sid), device_of(sid)) == ("", "")
    assert (person_of(sid), sender_of(sid)) == (sid, sid)


@pytest.mark.parametrize(
    ("account", "device"),
    [(ACCOUNT, ""), ("", DEVICE), (DEVICE, ACCOUNT), (ACCOUNT + "\n", DEVICE), ("x" * 16, DEVICE)],
)
def test_a_secret_is_made_for_whole_ids_only(account: str, device: str) -> None:
    with pytest.raises(ValueError, match="ids of an account and a device"):
        new_secret(account, device)
