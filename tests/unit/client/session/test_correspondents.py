"""Whom a client takes for the owner of a nickname, after all that it has heard."""

from __future__ import annotations

import msgspec

from client.session.correspondents import MOST_REMEMBERED, Correspondents
from gateway import wire

ME = "alice"


def direct(sender: str, to: str, person: str | None) -> wire.DirectMessage:
    return wire.DirectMessage(
        seq=1, at=1, epoch="e", sender=sender, to=to, text="hi", id="1", person=person
    )


def renamed(was: str, nick: str) -> wire.Presence:
    change = wire.Renamed(nick=nick, was=was)
    return wire.Presence(room="lobby", version=2, after=1, changed=[change])


def known(nick: str, *events: wire.Event) -> str | None:
    correspondents = Correspondents()
    for event in events:
        correspondents.apply(event, ME)
    return correspondents.meant_by(nick)


def test_it_is_whoever_one_wrote_to_last() -> None:
    assert known("bob") is None
    assert known("BOB", direct(ME, "bob", "B")) == "B"
    assert known("bob", direct(ME, "bob", "B"), direct(ME, "Bob", "C")) == "C"
    assert known("bob", direct(ME, "bob", "B"), direct(ME, "bob", None)) == "B", "an earlier node"


def test_what_another_device_wrote_under_another_nickname_is_ones_own() -> None:
    heard = direct("bob", ME, "B")
    own = msgspec.structs.replace(direct("before", "bob", "C"), own=True)
    assert known("bob", heard, own) == "C"


def test_who_writes_takes_nobodys_place() -> None:
    assert known("bob", direct("bob", ME, "B")) == "B"
    assert known("bob", direct("bob", ME, "B"), direct("bob", ME, "C")) == "B"
    assert known("bob", direct(ME, "bob", "B"), direct("bob", ME, "C")) == "B"


def test_what_was_missed_counts() -> None:
    limits = wire.Limits(
        frame_bytes=1, text_bytes=1, rooms=1, history=1, flood_burst=1, flood_rate=1.0
    )
    missed = [direct("bob", ME, "B"), direct(ME, "carol", "C")]
    welcome = wire.Welcome(session="s", nick=ME, node="n", limits=limits, directs=missed)
    assert known("bob", welcome) == "B"
    assert known("carol", welcome) == "C"


def test_somebody_renamed_is_known_under_both_names() -> None:
    events = direct(ME, "bob", "B"), renamed("bob", "bobby")
    assert known("bobby", *events) == "B"
    assert known("bob", *events) == "B", "whoever takes it is somebody else"
    assert known("bobby", direct(ME, "bobby", "A"), *events) == "A"


def test_some_nicknames_are_remembered() -> None:
    events = [direct(ME, f"nick-{n}", str(n)) for n in range(MOST_REMEMBERED + 1)]
    assert known("nick-0", *events) is None
    assert known("nick-1", *events) == "1"
