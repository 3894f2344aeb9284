"""Secrets, and what is made from them."""

from __future__ import annotations

import json

import pytest

from gateway import wire
from gateway.auth.session_secrets import new_secret, person_tag, session_id
from gateway.wire.shared import LEAST_DIFFERENT


def test_a_tag_tells_sessions_apart_and_does_not_reveal_their_ids() -> None:
    ids = [session_id(new_secret()) for _ in range(100)]
    assert len({person_tag(sid) for sid in ids}) == len(ids)
    for sid in ids:
        assert person_tag(sid) == person_tag(sid)
        assert person_tag(sid) not in sid
        assert sid not in person_tag(sid)


def test_our_own_secrets_are_good_enough() -> None:
    for _ in range(100):
        secret = new_secret()
        assert len(set(secret)) >= LEAST_DIFFERENT
        wire.decode_command(f'{{"type":"hello","nick":"alice","session":"{secret}"}}')


@pytest.mark.parametrize(
    "secret", ["s" * 22, "0123456780123456780123", "alice-alice-alice-alice", "ab" * 32]
)
def test_a_secret_of_ones_own_has_ten_different_characters(secret: str) -> None:
    command = {"type": "hello", "nick": "alice", "session": secret, "id": "7"}
    with pytest.raises(wire.RefusedFrame) as caught:
        wire.decode_command(json.dumps(command))
    assert (caught.value.code, caught.value.id) == ("bad_frame", "7")
    assert "10 different characters" in str(caught.value)


def test_ten_are_enough() -> None:
    command = {"type": "hello", "nick": "alice", "session": "0123456789" * 3}
    assert isinstance(wire.decode_command(json.dumps(command)), wire.Hello)
