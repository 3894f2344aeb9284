"""A list that is read page by page is the room's, whatever changes meanwhile; it always ends."""

from __future__ import annotations

from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from client.session.member_pages import MOST_BEGINNINGS, MOST_PAGES, MemberPages
from gateway import wire
from gateway.backplane import Change
from gateway.delivery.roster import Roster

SHORT_PAGES = 8 * 100
"""What may wait for a client where a page has about four members."""
ANSWER, HEAR, CHANGE = "answer", "hear", "change"


def page(version: int, *nicks: str, next_: str | None = None) -> wire.MemberList:
    members = [wire.Member(nick=nick) for nick in nicks]
    return wire.MemberList(room="lobby", version=version, members=members, next=next_)


def nicks(pages: MemberPages) -> list[str]:
    return [member.nick for member in pages.listing.members]


def answer(roster: Roster, after: str | None) -> wire.MemberList:
    """What a node answers."""
    found = roster.page(after)
    return wire.MemberList(
        room="lobby",
        version=roster.announced_version,
        members=msgspec.json.decode(found.encoded, type=list[wire.Member]),
        next=found.next,
    )


@given(
    st.lists(st.sampled_from([ANSWER, HEAR, CHANGE]), max_size=60),
    st.randoms(use_true_random=False),
)
def test_it_is_the_list_of_the_room_whatever_changes_meanwhile(
    steps: list[str], random: Random
) -> None:
    """Though an answer may overtake the changes that were announced before it."""
    roster = Roster(SHORT_PAGES)
    roster.replace(1, {f"s{n}": f"nick{n:02}" for n in range(20)})
    pages, announced = MemberPages("lobby"), list[wire.Presence]()

    def change() -> None:
        number = random.randrange(30)
        line = random.choice(["", " away ", " busy x"])
        name = f"nick{number:02}{line}"
        here = {f"s{number}": name} if random.random() < 0.6 else {}
        roster.apply(Change(roster.version + 1, here, [] if here else [f"s{number}"]))
        presence = roster.flush("lobby")
        if presence is not None:
            announced.append(presence)

    def step(kind: str) -> None:
        if kind == CHANGE:
            change()
        elif kind == HEAR and announced:
            pages.apply(announced.pop(0))
        elif kind == ANSWER and not pages.is_complete:
            pages.take(answer(roster, pages.after))

    for kind in steps:
        step(kind)
    while announced:
        step(HEAR)
    while not pages.is_complete:
        step(ANSWER)
    known = {member.nick: member for member in pages.listing.members}
    assert sorted(known.values(), key=lambda m: m.nick) == everybody(roster)
    assert pages.listing.version == roster.announced_version


def everybody(roster: Roster) -> list[wire.Member]:
    members, after = list[wire.Member](), None
    while (found := answer(roster, after)).next is not None:
        members += found.members
        after = found.next
    return members + found.members


def test_pages_of_one_version_add_up() -> None:
    pages = MemberPages("lobby")
    asked = [pages.after]
    for part in (page(3, "a", "b", next_="b"), page(3, "c", next_="c"), page(3, "d")):
        assert not pages.is_complete
        pages.take(part)
        asked.append(pages.after)
    assert asked == [None, "b", "c", None]
    assert pages.is_complete
    assert nicks(pages) == ["a", "b", "c", "d"]


def test_a_page_of_another_version_begins_anew() -> None:
    pages = MemberPages("lobby")
    pages.take(page(3, "a", "b", next_="b"))
    pages.take(page(4, "d", next_="d"))
    assert (pages.after, pages.is_complete) == (None, False)
    pages.take(page(4, "a", "c", next_="c"))
    pages.take(page(4, "d"))
    assert nicks(pages) == ["a", "c", "d"]
    assert pages.listing.version == 4


def test_a_change_that_was_heard_makes_the_next_version_ones_own() -> None:
    pages = MemberPages("lobby")
    pages.take(page(3, "a", "b", next_="b"))
    pages.apply(
        wire.Presence(
            room="lobby", version=5, after=3, left=["a"], joined=[wire.Member(nick="aa")],
            changed=[wire.Renamed(nick="x", was="b", state="away")],
        )
    )  # fmt: skip
    pages.apply(wire.Presence(room="lobby", version=5, after=3, left=["aa"]))  # known already
    pages.take(page(5, "c", "x"))
    assert pages.is_complete
    assert sorted(nicks(pages)) == ["aa", "c", "x"]


def test_a_change_of_a_member_is_in_the_list_with_all_that_it_says() -> None:
    pages = MemberPages("lobby")
    pages.take(page(3, "a", "b", next_="b"))
    change = wire.Renamed(nick="x", was="b", state="away", text="tea", registered=True)
    pages.apply(wire.Presence(room="lobby", version=4, after=3, changed=[change]))
    [_a, x] = pages.listing.members
    assert x == wire.Member(nick="x", state="away", text="tea", registered=True)


def test_a_change_that_was_missed_begins_anew() -> None:
    pages = MemberPages("lobby")
    pages.take(page(3, "a", next_="a"))
    pages.apply(wire.Presence(room="lobby", version=6, after=5, left=["b"]))
    pages.take(page(6, "c"))
    assert not pages.is_complete
    pages.take(page(6, "a", "c"))
    assert nicks(pages) == ["a", "c"]


def test_it_ends_though_every_answer_is_of_another_version() -> None:
    pages = MemberPages("lobby")
    asked = 0
    while not pages.is_complete:
        asked += 1
        nick = "a" if pages.after is None else "b"
        pages.take(page(asked, nick, next_="a" if pages.after is None else None))
    assert asked == 2 * MOST_BEGINNINGS
    assert nicks(pages) == ["a", "b"]


def test_it_ends_though_the_pages_lead_nowhere() -> None:
    for leads_nowhere in (page(1, "a", next_="a"), page(1, next_="z")):
        pages = MemberPages("lobby")
        pages.take(page(1, "a", next_="a"))
        pages.take(leads_nowhere)
        assert pages.is_complete


def test_it_ends_though_the_pages_do_not() -> None:
    pages = MemberPages("lobby")
    asked = 0
    while not pages.is_complete:
        asked += 1
        pages.take(page(1, f"nick{asked}", next_=f"nick{asked}"))
    assert asked == MOST_PAGES
