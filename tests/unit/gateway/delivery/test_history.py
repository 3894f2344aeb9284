"""What a joining client gets of a room that goes on meanwhile: all it missed, or the newest."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backplane import Timeline
from gateway.backplane.payloads import message_seq
from gateway.backplane.rooms import RoomStore
from gateway.delivery import history
from gateway.delivery.log_memory import REMEMBERED
from gateway.delivery.room import Room
from gateway.observability.metrics import Counts
from gateway.wire import Position


def message(seq: int) -> bytes:
    return b'{"seq":%d,"at":1,"type":"message","id":"m%d"}' % (seq, seq)


def seqs(messages: list[bytes] | None) -> list[int] | None:
    return None if messages is None else list(map(message_seq, messages))


class GoingOn:
    """A room whose log has ``last`` messages from ``first`` on, and grows while it is read."""

    def __init__(self, first: int, last: int, growth: list[int]) -> None:
        self.first = first
        self.growth = growth
        self.room = Room("r", b"r", Counts(), 1 << 20)
        self.room.recent.extend([message(seq) for seq in range(max(first, last - 9), last + 1)])
        self.room.log.start("e", last, Timeline((), "a"))

    async def messages_before(self, room: str, before: int, limit: int) -> list[bytes]:
        del room
        found = [message(seq) for seq in range(max(self.first, before - limit), before)]
        for _ in range(self.growth.pop(0) if self.growth else 0):
            seq = self.room.log.frontier + 1
            self.room.log.live(seq, message(seq))
        self.room.deliver_now()
        return found

    @property
    def rooms(self) -> RoomStore:
        return cast("RoomStore", self)


growths = st.lists(st.sampled_from([0, 1, REMEMBERED, REMEMBERED + 1, 3 * REMEMBERED]), max_size=5)


@given(st.integers(1, 150), st.integers(1, 200), st.integers(0, 200), growths)
async def test_the_newest_are_all_that_are_wanted_or_all_that_are_logged(
    first: int, length: int, count: int, growth: list[int]
) -> None:
    going_on = GoingOn(first, first + length, growth)
    found = seqs(await history.newest(going_on.room, going_on.rooms, count))
    position = going_on.room.position
    assert found == list(range(max(first, position - count + 1), position + 1))


@given(st.integers(1, 150), st.integers(1, 200), st.integers(0, 360), growths, st.booleans())
async def test_what_was_missed_is_given_whole_or_not_at_all(
    first: int, length: int, since: int, growth: list[int], knows_id: bool
) -> None:
    going_on = GoingOn(first, first + length, growth)
    seen = Position(epoch="e", seq=since, id=f"m{since}" if knows_id and since else None)
    found = seqs(await history.missed(going_on.room, going_on.rooms, seen))
    position = going_on.room.position
    is_logged = first - 1 <= since <= position
    assert found == (list(range(since + 1, position + 1)) if is_logged else None)


@pytest.mark.parametrize(
    "seen",
    [Position(epoch="other", seq=20), Position(epoch="e", seq=20, id="lost")],
    ids=["another epoch", "another message"],
)
async def test_what_is_not_what_was_seen_is_not_recovered(seen: Position) -> None:
    going_on = GoingOn(1, 30, [])
    assert await history.missed(going_on.room, going_on.rooms, seen) is None


async def test_of_very_many_the_first_are_given() -> None:
    going_on = GoingOn(1, 3 * history.MOST_AT_ONCE, [])
    found = seqs(await history.missed(going_on.room, going_on.rooms, Position(epoch="e", seq=7)))
    assert found == list(range(8, 8 + history.MOST_AT_ONCE))


def test_what_fits_is_taken_from_either_end() -> None:
    messages = [b"x" * 9] * 5
    assert len(history.newest_within(messages, 30)) == 3
    assert len(history.oldest_within(messages, 30)) == 3
    assert len(history.oldest_within(messages, 1)) == 1
