"""Who has written to somebody."""

from __future__ import annotations

import msgspec

from gateway.delivery.known_senders import MOST_KNOWN, KnownSenders
from gateway.wire import DirectMessage


def direct(sender: str) -> bytes:
    """Return a message as Redis completes it: its head comes first."""
    message = msgspec.to_builtins(
        DirectMessage(seq=1, at=2, epoch="e", sender=sender, to="me", text='"from"', id="1")
    )
    head = {name: message.pop(name) for name in ("seq", "at", "epoch")}
    names = ("type", "from", "to", "text", "id")
    return msgspec.json.encode(head | {name: message[name] for name in names})


def test_those_who_wrote_are_known_and_others_are_not() -> None:
    known = KnownSenders()
    known.note([direct("alice"), direct("Зоя")])
    assert [known.include(nick) for nick in ("alice", "Зоя", "Alice", "bob")] == [
        True, True, False, False,
    ]  # fmt: skip


def test_what_another_program_has_added_is_from_nobody() -> None:
    known = KnownSenders()
    known.note(
        [b"{}", b'{"seq":1,"at":2,"epoch":"e","type":"direct","to":"me","x":"bob","y":"bob"}']
    )
    assert not known.include("bob")


def test_who_wrote_least_lately_is_forgotten() -> None:
    known = KnownSenders()
    known.note([direct("friend"), direct("another")])
    known.note([direct(f"stranger-{number}") for number in range(MOST_KNOWN - 2)])
    known.note([direct("friend"), direct("one more")])
    assert known.include("friend")
    assert not known.include("another")
