"""What nodes tell each other of an account, and which revocations they remember."""

from __future__ import annotations

import pytest

from gateway.backplane.account_events import (
    AnyAccountEvent,
    ChangedEvent,
    JoinedEvent,
    LeftEvent,
    ReadEvent,
    RevokedEvent,
    decode_event,
    encode_event,
)
from gateway.backplane.account_keys import account_channel
from gateway.backplane.revocations import REMEMBERED_SECONDS, RecentRevocations


@pytest.mark.parametrize(
    ("event", "encoded"),
    [
        (
            ReadEvent(room="lobby", seq=7, by="s"),
            b'!{"type":"read","room":"lobby","seq":7,"by":"s"}',
        ),
        (ReadEvent(peer="Bob", seq=7, by="s"), b'!{"type":"read","peer":"Bob","seq":7,"by":"s"}'),
        (JoinedEvent("Lobby", "s"), b'!{"type":"joined","name":"Lobby","by":"s"}'),
        (
            LeftEvent("lobby", "Lobby", "s"),
            b'!{"type":"left","room":"lobby","name":"Lobby","by":"s"}',
        ),
        (
            ChangedEvent("Ann +online ", "s"),
            b'!{"type":"changed","line":"Ann +online ","by":"s"}',
        ),
        (RevokedEvent(devices=["d1"]), b'!{"type":"revoked","devices":["d1"]}'),
        (RevokedEvent(except_for="d1"), b'!{"type":"revoked","except":"d1"}'),
        (
            RevokedEvent(code="disabled", version=3),
            b'!{"type":"revoked","code":"disabled","version":3}',
        ),
    ],
)  # fmt: skip
def test_an_event_is_read_as_it_was_written(event: AnyAccountEvent, encoded: bytes) -> None:
    assert encode_event(event) == encoded
    assert decode_event(encoded[1:]) == event


@pytest.mark.parametrize(
    "encoded", [b"", b"{}", b'{"type":"later"}', b'{"type":"read","seq":1}', b"\xff"]
)
def test_what_is_no_event_is_refused(encoded: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_event(encoded)


def test_an_event_says_which_devices_it_concerns() -> None:
    assert RevokedEvent().concerns("d1")
    assert RevokedEvent(devices=["d1"]).concerns("d1")
    assert not RevokedEvent(devices=["d1"]).concerns("d2")
    assert not RevokedEvent(except_for="d1").concerns("d1")
    assert RevokedEvent(except_for="d1").concerns("d2")
    assert not RevokedEvent(devices=[]).concerns("d1")


def test_the_channel_is_of_the_account() -> None:
    assert account_channel("chat@0", "a1") == b"chat@0:{account:a1}"


def test_revocations_are_remembered_in_their_order_and_for_their_time() -> None:
    recent = RecentRevocations()
    recent.add("a1", RevokedEvent(devices=["d1"]), 0)
    recent.add("a1", RevokedEvent(devices=["d1"]), 1)
    recent.add("a2", RevokedEvent(code="disabled", version=2), 10)
    assert [each.account for each in recent.current(REMEMBERED_SECONDS)] == ["a1", "a2"]
    assert [each.account for each in recent.current(REMEMBERED_SECONDS + 1)] == ["a2"]
    assert recent.current(REMEMBERED_SECONDS + 11) == []
