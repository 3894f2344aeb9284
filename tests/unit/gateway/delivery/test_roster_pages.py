"""Lists and changes of any length go out in pages and frames of bounded length."""

from __future__ import annotations

from gateway.backplane import Change
from gateway.delivery.roster import Roster
from gateway.wire import MAX_LISTED_MEMBERS, encode
from tests.unit.gateway.delivery.following import (
    ONE_CHANGE,
    OUTBOX,
    Client,
    known,
    listed,
    page,
    pages,
)

FULL = " busy " + '"' * 128
"""The status that takes the most bytes."""


def test_a_page_is_bounded_in_number() -> None:
    members = {f"s{n}": f"nick{n}" for n in range(MAX_LISTED_MEMBERS + 5)}
    roster = known(1, **members)
    assert len(page(roster, None)) == MAX_LISTED_MEMBERS
    assert len(page(roster, roster.page().next)) == 5
    assert [m.nick for m in pages(roster)] == sorted(members.values())
    assert roster.count() == MAX_LISTED_MEMBERS + 5
    assert [m.nick for m in pages(roster, 7)] == sorted(members.values())
    assert len(page(roster, None, 7)) == 7


def test_a_page_is_bounded_in_bytes() -> None:
    roster = known(1, **{f"s{n}": f"nick{n}{FULL}" for n in range(2_000)})
    first = roster.page()
    assert OUTBOX // 8 - 400 < len(first.encoded) <= OUTBOX // 8 + 2
    assert len(pages(roster)) == 2_000


def test_pages_are_composed_once_for_each_version() -> None:
    roster = known(1, **{f"s{n}": f"nick{n:04}" for n in range(2_500)})
    second = roster.page(roster.page().next)
    roster.apply(Change(2, here={"new": "aaa"}))
    assert roster.page(roster.page().next) is second
    roster.flush("lobby")
    assert roster.page(roster.page().next).next == "nick1998"


def test_a_cursor_holds_though_whoever_it_names_has_left() -> None:
    roster = known(1, s1="alice", s2="bob", s3="carol", s4="dave")
    after = roster.page(None, 2).next
    roster.apply(Change(2, gone=["s2"]))
    roster.apply(Change(3, here={"s5": "aaron"}))
    roster.flush("lobby")
    assert [m.nick for m in page(roster, after)] == ["carol", "dave"]
    assert page(roster, "zoe") == []
    assert roster.page("zoe").next is None


# --- long changes ---------------------------------------------------------------------------------


def test_a_change_that_is_too_long_is_told_in_several_steps() -> None:
    roster = known(1, **{f"s{n}": f"nick{n}" for n in range(4_000)})
    client = Client(roster)
    while client.is_reading:
        client.read(roster)
    statuses = {f"s{n}": f"nick{n}{FULL}" for n in range(4_000)}
    roster.apply(Change(2, here=statuses))
    steps = 0
    while roster.changed:
        presence = roster.flush("lobby")
        assert presence is not None
        assert len(encode(presence)) < OUTBOX // 16 + ONE_CHANGE
        client.hear(presence)
        assert client.version == roster.announced_version
        assert client.nicks == listed(roster)
        steps += 1
    assert steps > 10
    assert client.nicks == set(statuses.values())


def test_versions_go_on_where_there_were_more_steps_than_changes() -> None:
    roster = known(1, **{f"s{n}": f"nick{n}{FULL}" for n in range(400)})
    roster.replace(2, {})
    before = roster.announced_version
    frames = []
    while roster.changed:
        frames.append(roster.flush("lobby"))
        roster.replace(2, {})
    roster.apply(Change(3, here={"s": "new"}))
    frames.append(roster.flush("lobby"))
    for frame in frames:
        assert frame is not None
        assert (frame.after, frame.version > before) == (before, True)
        before = frame.version
    assert not roster.incomplete


def test_who_is_renamed_in_a_long_change_is_told_of_in_one_step() -> None:
    roster = Roster(16 * 100)
    roster.replace(1, {f"s{n}": f"old{n}" for n in range(50)})
    roster.apply(Change(2, here={f"s{n}": f"new{n}" for n in range(50)}))
    while roster.changed:
        presence = roster.flush("lobby")
        assert presence is not None
        assert not presence.joined
        assert not presence.left
        assert all(change.was.replace("old", "new") == change.nick for change in presence.changed)
    assert len(listed(roster)) == 50
