"""Rooms that sessions stay listed in without following them."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from gateway.sessions.rejoin_grace import RejoinGrace

GRACE = 15.0


def test_a_session_expires_after_the_grace() -> None:
    parking = RejoinGrace(GRACE)
    parking.put("s1", {"lobby"}, 0.0)
    parking.put("s2", {"lobby"}, 1.0)
    assert (parking.next_expiry, parking.expired(14.9)) == (15.0, [])
    assert parking.expired(15.0) == ["s1"]
    assert parking.expired(16.0) == ["s1", "s2"]
    assert parking.take("s1") == {"lobby"}
    assert parking.expired(15.0) == []


def test_whoever_is_lost_again_has_the_whole_grace_for_all_its_rooms() -> None:
    parking = RejoinGrace(GRACE)
    parking.put("s1", {"lobby", "cafe"}, 0.0)
    parking.put("s2", {"cafe"}, 1.0)
    parking.came_back("s1", "lobby")
    parking.put("s1", {"garden"}, 10.0)
    assert parking.rooms("s1") == {"cafe", "garden"}
    assert parking.expired(20.0) == ["s2"]
    assert parking.expired(25.0) == ["s2", "s1"]


def test_a_room_is_listed_until_it_is_really_left() -> None:
    parking = RejoinGrace(GRACE)
    parking.put("s1", {"lobby"}, 0.0)
    assert parking.take("s1") == {"lobby"}
    assert list(parking.listed) == ["lobby"], "Redis does not know yet"
    parking.left("lobby")
    assert list(parking.listed) == []


def test_nobody_is_parked_who_is_unknown() -> None:
    parking = RejoinGrace(GRACE)
    parking.came_back("s1", "lobby")
    assert parking.take("s1") == set()
    assert parking.rooms("s1") == set()
    assert parking.next_expiry is None


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["put", "came back", "take"]),
            st.sampled_from(["s1", "s2", "s3"]),
            st.sets(st.sampled_from(["lobby", "cafe", "garden"])),
            st.floats(0.0, 10.0),
        ),
        max_size=60,
    )
)
def test_a_room_is_listed_exactly_while_somebody_is_parked_in_it(
    steps: list[tuple[str, str, set[str], float]],
) -> None:
    parking = RejoinGrace(GRACE)
    parked: dict[str, set[str]] = {}
    until: dict[str, float] = {}
    now = 0.0
    for kind, session, rooms, gap in steps:
        now += gap
        if kind == "put":
            parking.put(session, rooms, now)
            parked[session] = parked.get(session, set()) | rooms
            until[session] = now + GRACE
        elif kind == "came back":
            for room in rooms:
                parking.came_back(session, room)
            parked[session] = parked.get(session, set()) - rooms
        else:
            taken = parking.take(session)
            assert taken == parked.pop(session, set())
            until.pop(session, None)
            for room in taken:
                parking.left(room)
        listed = Counter(room for rooms in parked.values() for room in rooms)
        assert set(parking.listed) == set(listed)
        assert set(parking.expired(now)) == {s for s, at in until.items() if at <= now}
