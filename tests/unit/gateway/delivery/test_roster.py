"""The members of a room, and the changes that its clients are told of."""

from __future__ import annotations

from gateway.backplane import Change
from gateway.delivery.roster import UNKNOWN, Roster
from gateway.wire import Member, Presence, Renamed
from tests.unit.gateway.delivery.following import OUTBOX, Client, known, listed


def test_an_unread_roster_is_incomplete_and_applies_nothing() -> None:
    roster = Roster(OUTBOX)
    assert roster.incomplete
    roster.apply(Change(1, here={"s1": "Alice"}))
    assert roster.version == UNKNOWN
    assert roster.members == {}


def test_what_is_read_first_is_no_change() -> None:
    roster = known(s1="Alice")
    assert not roster.changed
    assert roster.flush("lobby") is None


def test_changes_of_one_interval_are_told_in_one_frame() -> None:
    roster = known(4, s1="Alice", s2="Bob", s3="Carol")
    roster.apply(Change(5, here={"s4": "Dave"}))
    roster.apply(Change(6, gone=["s2"]))
    roster.apply(Change(7, here={"s3": "Caro"}))
    changed = roster.changed
    assert roster.flush("lobby") == Presence(
        room="lobby",
        after=4,
        version=7,
        joined=[Member(nick="Dave")],
        left=["Bob"],
        changed=[Renamed(nick="Caro", was="Carol")],
    )
    assert (changed, roster.changed) == (True, False)
    assert roster.flush("lobby") is None


def test_a_missed_change_makes_it_incomplete_until_it_is_read_anew() -> None:
    roster = known(4, s1="Alice")
    roster.apply(Change(6, here={"s3": "Carol"}))
    incomplete = roster.incomplete
    assert roster.members == {"s1": "Alice"}
    roster.replace(6, {"s1": "Alice", "s2": "Bob", "s3": "Carol"})
    assert (incomplete, roster.incomplete) == (True, False)
    presence = roster.flush("lobby")
    assert presence is not None
    assert (presence.after, presence.version) == (4, 6)
    assert {member.nick for member in presence.joined} == {"Bob", "Carol"}


def test_a_change_that_is_known_already_changes_nothing() -> None:
    roster = known(4, s1="Alice")
    roster.apply(Change(4, here={"s9": "Ghost"}))
    assert roster.members == {"s1": "Alice"}
    assert not roster.incomplete


def test_a_read_that_is_older_than_a_change_seen_leaves_it_incomplete() -> None:
    roster = known(4, s1="Alice")
    roster.apply(Change(9, here={"s2": "Bob"}))
    roster.replace(8, {"s1": "Alice"})
    assert roster.incomplete


def test_who_came_and_went_meanwhile_is_known_to_nobody() -> None:
    """Not to a client that came in between, either."""
    roster = known(4)
    roster.apply(Change(5, here={"s1": "Xavier"}))
    client = Client(roster)
    roster.apply(Change(6, gone=["s1"]))
    assert roster.flush("lobby") is None
    roster.apply(Change(7, here={"s2": "Carol"}))
    presence = roster.flush("lobby")
    assert presence == Presence(room="lobby", after=4, version=7, joined=[Member(nick="Carol")])
    client.hear(presence)
    assert client.nicks == {"Carol"}


def test_who_reconnects_at_once_has_not_left() -> None:
    roster = known(4, s1="Alice")
    roster.apply(Change(5, gone=["s1"]))
    roster.apply(Change(6, here={"s2": "Alice"}))
    assert roster.flush("lobby") is None
    roster.apply(Change(7, gone=["s2"]))
    assert roster.flush("lobby") == Presence(room="lobby", after=4, version=7, left=["Alice"])


def test_two_who_swap_their_names_are_there_as_before() -> None:
    roster = known(4, s1="Alice", s2="Bob")
    for version, session, nick in ((5, "s1", "X"), (6, "s2", "Alice"), (7, "s1", "Bob")):
        roster.apply(Change(version, here={session: nick}))
    assert roster.flush("lobby") is None
    assert listed(roster) == {"Alice", "Bob"}


def test_who_is_renamed_twice_is_told_of_once() -> None:
    roster = known(4, s1="Alice")
    roster.apply(Change(5, here={"s1": "Alicia"}))
    roster.apply(Change(6, here={"s1": "Alix"}))
    presence = roster.flush("lobby")
    assert presence == Presence(
        room="lobby", after=4, version=6, changed=[Renamed(nick="Alix", was="Alice")]
    )


def test_who_joins_and_is_renamed_at_once_has_one_name_for_itself_too() -> None:
    """Its answer to ``join`` lists it by the first name, though nobody else was told of that."""
    roster = known(4)
    roster.apply(Change(5, here={"s1": "Alice"}))
    client = Client(roster, "s1", "Alice")
    roster.apply(Change(6, here={"s1": "Alicia"}))
    presence = roster.flush("lobby")
    assert presence is not None
    client.hear(presence)
    assert client.nicks == {"Alicia"}


def test_nothing_is_told_while_the_members_are_unknown() -> None:
    """Redis lost data: versions begin again, and whoever needs to know asks."""
    roster = known(57, s1="Alice")
    roster.apply(Change(58, here={"s2": "Bob"}))
    roster.invalidate()
    assert roster.incomplete
    assert roster.flush("lobby") is None
    roster.replace(2, {"s1": "Alice", "s3": "Carol"})
    assert roster.flush("lobby") is None
    assert (roster.announced_version, listed(roster)) == (2, {"Alice", "Carol"})
    roster.apply(Change(3, gone=["s1"]))
    assert roster.flush("lobby") == Presence(room="lobby", after=2, version=3, left=["Alice"])


def test_a_status_alone_is_a_change_of_somebody_who_stays() -> None:
    roster = known(4, s1="Alice", s2="Bob")
    roster.apply(Change(5, here={"s1": "Alice away back at 3"}))
    assert roster.flush("lobby") == Presence(
        room="lobby",
        after=4,
        version=5,
        changed=[Renamed(nick="Alice", was="Alice", state="away", text="back at 3")],
    )
    roster.apply(Change(6, here={"s1": "Alicia away back at 3"}))
    roster.apply(Change(7, here={"s3": "Carol busy "}))
    assert roster.flush("lobby") == Presence(
        room="lobby",
        after=5,
        version=7,
        joined=[Member(nick="Carol", state="busy")],
        changed=[Renamed(nick="Alicia", was="Alice", state="away", text="back at 3")],
    )
    roster.apply(Change(8, here={"s3": "Carol"}))
    roster.apply(Change(9, here={"s3": "Carol busy "}))
    assert roster.flush("lobby") is None


def test_the_listing_follows_every_flush() -> None:
    roster = known(4, s1="Alice")
    assert listed(roster) == {"Alice"}
    roster.apply(Change(5, here={"s2": "Bob"}))
    assert (roster.announced_version, listed(roster), roster.count()) == (4, {"Alice"}, 1)
    assert roster.introduce("s2", "Bob")
    roster.flush("lobby")
    assert (roster.announced_version, listed(roster), roster.count()) == (5, {"Alice", "Bob"}, 2)
    assert not roster.introduce("s2", "Bob")
    roster.replace(6, {"s2": "Bob"})
    assert (roster.announced_version, listed(roster)) == (5, {"Alice", "Bob"})
    assert not roster.introduce("s1", "Alice")
    roster.flush("lobby")
    assert (roster.announced_version, listed(roster)) == (6, {"Bob"})


def test_whoever_gets_a_nickname_that_was_given_up_is_not_taken_for_its_last_owner() -> None:
    roster = known(4, s1="Alice")
    roster.apply(Change(5, gone=["s1"]))
    roster.apply(Change(6, here={"s2": "Alice"}))
    roster.apply(Change(7, here={"s2": "Carol"}))
    assert roster.flush("lobby") == Presence(
        room="lobby", after=4, version=7, joined=[Member(nick="Carol")], left=["Alice"]
    )


def test_a_nickname_is_listed_though_its_last_owner_gives_it_up_later() -> None:
    """The room may hear of the new owner first."""
    roster = known(4, s1="Alice")
    roster.apply(Change(5, here={"s2": "Alice"}))
    roster.apply(Change(6, here={"s1": "Alix"}))
    roster.flush("lobby")
    assert listed(roster) == {"Alice", "Alix"}


def test_a_status_and_a_nickname_changed_at_once_are_one_change() -> None:
    roster = known(4, s1="Alice")
    roster.apply(Change(5, here={"s1": "Alice away "}))
    roster.apply(Change(6, here={"s1": "Alix away "}))
    presence = roster.flush("lobby")
    assert presence is not None
    assert presence.changed == [Renamed(nick="Alix", was="Alice", state="away")]
    assert not presence.joined


def test_whoever_takes_a_nickname_that_is_given_up_is_told_of_beside_its_last_owner() -> None:
    roster = known(4, s1="Alice")
    client = Client(roster)
    roster.apply(Change(5, here={"s1": "Alix"}))
    roster.apply(Change(6, here={"s2": "Alice busy "}))
    presence = roster.flush("lobby")
    assert presence is not None
    client.hear(presence)
    assert client.nicks == listed(roster) == {"Alix", "Alice busy "}


def test_whoever_takes_the_nickname_of_somebody_who_left_is_there_under_it() -> None:
    roster = known(4, s1="Alice", s2="Bob")
    roster.apply(Change(5, gone=["s2"]))
    roster.apply(Change(6, here={"s1": "Bob"}))
    assert roster.flush("lobby") == Presence(room="lobby", after=4, version=6, left=["Alice"])


def test_who_is_renamed_before_anybody_heard_of_its_join_has_one_name_for_itself_too() -> None:
    """The answer to ``join`` came before what the room's channel says of it."""
    roster = known(4)
    client = Client(roster, "s1", "Alice")
    roster.apply(Change(5, here={"s1": "Alice"}))
    roster.apply(Change(6, here={"s1": "Alicia"}))
    presence = roster.flush("lobby")
    assert presence is not None
    client.hear(presence)
    assert client.nicks == {"Alicia"}


# --- people with several sessions -----------------------------------------------------------------


def test_a_person_comes_with_the_first_session_and_goes_with_the_last() -> None:
    roster = known(4, s1="Bob")
    roster.apply(Change(5, here={"phone": "Alice +online "}))
    presence = roster.flush("lobby")
    assert presence is not None
    assert presence.joined == [Member(nick="Alice", registered=True)]
    roster.apply(Change(6, here={"desk": "Alice +online "}))
    roster.apply(Change(7, gone=["phone"]))
    assert roster.flush("lobby") is None
    assert (listed(roster), roster.count()) == ({"Alice +online ", "Bob"}, 2)
    roster.apply(Change(8, gone=["desk"]))
    presence = roster.flush("lobby")
    assert presence is not None
    assert (presence.left, roster.count()) == (["Alice"], 1)


def test_the_second_device_of_somebody_is_listed_by_the_page_already() -> None:
    roster = known(4, phone="Alice +online ")
    desk = Client(roster, "desk", "Alice +online ")
    assert desk.nicks == {"Alice +online "}
    assert not roster.introduce("desk", "Alice +online ")
    roster.apply(Change(5, here={"desk": "Alice +online "}))
    assert roster.flush("lobby") is None


def test_a_rename_on_all_devices_is_one_change() -> None:
    roster = known(4, phone="Alice +online ", desk="Alice +idle ", s1="Bob")
    client = Client(roster)
    roster.apply(Change(5, here={"phone": "Alix +online ", "desk": "Alix +idle "}))
    presence = roster.flush("lobby")
    assert presence == Presence(
        room="lobby", after=4, version=5,
        changed=[Renamed(nick="Alix", was="Alice", registered=True)],
    )  # fmt: skip
    client.hear(presence)
    assert client.nicks == {"Alix +online ", "Bob"}


def test_a_rename_is_one_change_though_a_device_left_before() -> None:
    roster = known(4, phone="Alice +online ", desk="Alice +online ")
    roster.apply(Change(5, gone=["phone"]))
    roster.apply(Change(6, here={"desk": "Alix +online "}))
    presence = roster.flush("lobby")
    assert presence is not None
    assert presence.changed == [Renamed(nick="Alix", was="Alice", registered=True)]
    assert (presence.joined, presence.left) == ([], [])


def test_devices_that_are_renamed_one_by_one_are_two_people_meanwhile() -> None:
    roster = known(4, phone="Alice +online ", desk="Alice +online ")
    client = Client(roster)
    for change in (
        Change(5, here={"phone": "Alix +online "}),
        Change(6, here={"desk": "Alix +online "}),
    ):
        roster.apply(change)
        presence = roster.flush("lobby")
        assert presence is not None
        client.hear(presence)
        assert client.nicks == listed(roster)
    assert client.nicks == {"Alix +online "}


def test_somebody_is_away_once_all_devices_are_idle() -> None:
    roster = known(4, phone="Alice +online ", desk="Alice +online ")
    roster.apply(Change(5, here={"phone": "Alice +idle "}))
    assert roster.flush("lobby") is None
    roster.apply(Change(6, here={"desk": "Alice +idle "}))
    presence = roster.flush("lobby")
    assert presence is not None
    assert presence.changed == [Renamed(nick="Alice", was="Alice", state="away", registered=True)]
    roster.apply(Change(7, here={"phone": "Alice +away "}))
    assert roster.flush("lobby") is None, "it looks the same"
    roster.apply(Change(8, here={"desk": "Alice +busy "}))
    roster.apply(Change(9, gone=["phone"]))
    presence = roster.flush("lobby")
    assert presence is not None
    assert presence.changed == [Renamed(nick="Alice", was="Alice", state="busy", registered=True)]


def test_a_guest_who_registers_stays() -> None:
    roster = known(4, guest="Alice away lunch")
    roster.apply(Change(5, here={"a": "Alice +away lunch"}))
    roster.apply(Change(6, gone=["guest"]))
    assert roster.flush("lobby") == Presence(
        room="lobby", after=4, version=6,
        changed=[
            Renamed(nick="Alice", was="Alice", state="away", text="lunch", registered=True)
        ],
    )  # fmt: skip
