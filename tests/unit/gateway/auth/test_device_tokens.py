"""Device tokens: their form, and that their renewal locks nobody out."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.auth.device_tokens import (
    MOST_CHARS,
    RENEWED_AFTER,
    SEEN_STEP,
    BadDeviceToken,
    DeviceRecord,
    Used,
    has_expired,
    hash_secret,
    new_device,
    parse,
    use,
)

ACCOUNT = "0123456789abcdef"
DEVICE = "0123456789ab"
NOW = 1_800_000_000.0
DAY = 86_400.0


def made(now: float = NOW) -> tuple[DeviceRecord, str]:
    return new_device(ACCOUNT, DEVICE, "Alice's laptop", now)


def used(device: DeviceRecord, token: str, now: float, unused_days: float = 90) -> Used:
    return use(device, parse(token), now, unused_days=unused_days)


def refused(device: DeviceRecord, token: str, now: float = NOW, unused_days: float = 90) -> str:
    with pytest.raises(BadDeviceToken) as caught:
        used(device, token, now, unused_days)
    return caught.value.reason


def test_a_token_names_its_account_and_device() -> None:
    device, token = made()
    parsed = parse(token)
    assert len(token) == MOST_CHARS
    assert (parsed.account, parsed.device) == (ACCOUNT, DEVICE)
    assert hash_secret(parsed.secret) == device.hash


def test_what_is_stored_does_not_reveal_the_token() -> None:
    device, token = made()
    due = used(device, token, NOW + RENEWED_AFTER)
    stored = msgspec.json.encode(due.device).decode()
    assert parse(token).secret not in stored
    assert parse(due.token).secret not in stored
    assert msgspec.json.decode(stored, type=DeviceRecord) == due.device


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "x",
        "x" * 1_000_000,
        f"{ACCOUNT}.{DEVICE}." + "s" * 42,
        f"{ACCOUNT}.{DEVICE}." + "s" * 44,
        f"{ACCOUNT}.{DEVICE}." + "s" * 42 + "\n",
        f"{ACCOUNT}.{DEVICE}." + "s" * 42 + "=",
        f"{ACCOUNT}.{DEVICE}." + "s" * 42 + "ß",
        f"{ACCOUNT.upper()}.{DEVICE}." + "s" * 43,
        f"{ACCOUNT}-{DEVICE}-" + "s" * 43,
        f"{DEVICE}.{ACCOUNT}." + "s" * 43,
    ],
)
def test_a_token_of_another_form_is_malformed(wrong: str) -> None:
    with pytest.raises(BadDeviceToken) as caught:
        parse(wrong)
    assert caught.value.reason == "malformed"


def test_another_token_is_unknown() -> None:
    device, _ = made()
    _, other = made()
    assert refused(device, other) == "unknown"
    assert refused(DeviceRecord("by JWT", seen=int(NOW)), other) == "unknown"


def test_a_token_of_the_same_day_stays() -> None:
    device, token = made()
    assert used(device, token, NOW + RENEWED_AFTER - 1).token == ""


def test_use_within_the_hour_changes_nothing_to_be_stored() -> None:
    device, token = made(NOW // SEEN_STEP * SEEN_STEP)
    now = device.seen
    assert used(device, token, now + SEEN_STEP - 1).device is not None
    assert used(device, token, now + SEEN_STEP - 1).device == device
    assert used(device, token, now + SEEN_STEP).device.seen == now + SEEN_STEP


def test_an_older_token_is_renewed_and_works_until_the_new_one_was_used() -> None:
    device, old = made()
    later = NOW + RENEWED_AFTER
    device, new = used(device, old, later)
    assert new not in ("", old)

    assert used(device, old, later).token == new

    device, none = used(device, new, later)
    assert none == ""
    assert refused(device, old, later) == "unknown"
    assert used(device, new, later) == Used(device, "")


def test_whoever_signs_in_at_the_same_moment_is_given_the_same_token() -> None:
    """Two nodes read the same record; whichever of them stores last, both answers hold."""
    device, old = made()
    first = used(device, old, NOW + RENEWED_AFTER)
    second = used(device, old, NOW + RENEWED_AFTER + 1)
    assert first.token == second.token
    assert used(first.device, second.token, NOW + RENEWED_AFTER).token == ""
    assert used(second.device, first.token, NOW + RENEWED_AFTER).token == ""


def test_a_new_token_does_not_follow_from_the_old_one_alone() -> None:
    device, old = made()
    tokens = {
        used(msgspec.structs.replace(device, salt=salt), old, NOW + RENEWED_AFTER).token
        for salt in ("one", "another")
    }
    assert len(tokens) == 2


@given(st.lists(st.tuples(st.floats(0, 3 * DAY), st.booleans(), st.booleans()), max_size=40))
def test_a_client_that_keeps_what_reaches_it_always_comes_in(
    steps: list[tuple[float, bool, bool]],
) -> None:
    """Each step: time passes; it signs in once or twice at the same moment; answers may be lost."""
    device, kept = made()
    now = NOW
    for passed, at_once, answers_lost in steps:
        now += passed
        results = [used(device, kept, now) for _ in range(1 + at_once)]
        device = results[-1].device
        if results[0].token and not answers_lost:
            kept = results[0].token


def test_a_token_ends_when_it_was_not_used_for_so_long() -> None:
    device, token = made()
    assert used(device, token, NOW + 90 * DAY).device.seen > device.seen
    assert refused(device, token, NOW + 90 * DAY + SEEN_STEP) == "expired"
    assert used(device, token, NOW + 999 * DAY, unused_days=0)
    assert not has_expired(device, NOW + 90 * DAY, unused_days=90)
    assert has_expired(device, NOW + 91 * DAY, unused_days=90)


def test_whoever_has_the_wrong_token_does_not_hear_that_the_right_one_has_expired() -> None:
    device, _ = made()
    assert refused(device, made()[1], NOW + 999 * DAY) == "unknown"
