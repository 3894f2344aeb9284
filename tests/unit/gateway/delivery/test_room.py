"""The fan-out to a room: in slices, in order, each once, whatever happens meanwhile."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gateway.backplane.erasures import MOST_RECORDED, ErasedSet, Erasure, Erasures
from gateway.backplane.log_page import LogPage
from gateway.backplane.timeline import UNKNOWN
from gateway.delivery.log_states import LogState, Loss, Read
from gateway.delivery.room import LONGEST_REST, MOST_TOLD_OF_TYPING, REST_PER_MEMBER, SLICE, Room
from gateway.net.write_buffer import WriteBuffer
from gateway.observability.metrics import Counts
from gateway.wire import Notice

MANY = 3 * SLICE + 10


class Ear:
    """Stands for a write buffer; keeps what is written to it."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.waiting = 0

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    @property
    def heard(self) -> list[Any]:
        """The seqs of messages, those of tombstones with a minus, and the codes of notices."""
        data, heard = b"".join(self.writes), []
        while data:
            size, start = data[1], 2
            if size == 126:
                size, start = int.from_bytes(data[2:4], "big"), 4
            event = json.loads(data[start : start + size])
            match event["type"]:
                case "message":
                    heard.append(-event["seq"] if event.get("erased") else event["seq"])
                case "erased":
                    heard.append(f"erased {event.get('up_to', 0)} {event.get('seqs', [])}")
                case _:
                    heard.append(event["code"])
            data = data[start + size :]
        return heard


def message(seq: int) -> bytes:
    return b'{"seq":%d,"at":1,"type":"message","room":"r","from":"a","text":"x","id":"1"}' % seq


def offer(room: Room, *seqs: int) -> None:
    for seq in seqs:
        room.log.live(seq, message(seq))


@pytest.fixture
def room() -> Room:
    opened = Room("r", b"r", Counts(), 1 << 20)
    opened.log.start("one", 0, UNKNOWN)
    return opened


def fill(room: Room, members: int) -> list[Ear]:
    ears = [Ear() for _ in range(members)]
    for number, ear in enumerate(ears):
        room.add(str(number), cast("WriteBuffer", ear))
    return ears


def lose(room: Room, *, agreed: int) -> None:
    """Have the room find that its log has lost what is behind a message."""
    had = room.position
    room.log.mark_unverified()
    request = room.log.request()
    assert isinstance(request, Read)
    kept = [message(seq) for seq in range(1, agreed + 1)]
    page = LogPage("one.1.a", agreed, kept, UNKNOWN)
    assert room.log.take_page(request, page) == Loss(agreed, had=had)


def behind(ears: list[Ear]) -> list[str]:
    """Sessions that have not been written to yet."""
    return [str(number) for number, ear in enumerate(ears) if not ear.writes]


async def test_all_that_is_due_goes_out_as_one_write(room: Room) -> None:
    ears = fill(room, 3)
    offer(room, 1, 2, 3)
    await room.deliver()
    assert [len(ear.writes) for ear in ears] == [1, 1, 1]
    assert [ear.heard for ear in ears] == [[1, 2, 3]] * 3
    assert (room.counts.messages_out, room.counts.deliveries) == (3, 9)


async def test_a_small_round_never_lets_others_in_between(room: Room) -> None:
    ears = fill(room, SLICE)
    offer(room, 1)
    with trio.CancelScope() as scope:
        scope.cancel()
        await room.deliver()
    assert behind(ears) == []


async def test_a_large_round_yields_after_each_slice(room: Room) -> None:
    ears = fill(room, MANY)
    offer(room, 1)
    turns = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(room.deliver)
        while behind(ears):
            await trio.lowlevel.checkpoint()
            turns.append(len(behind(ears)))
    assert len(turns) >= MANY // SLICE
    steps = [a - b for a, b in zip([MANY, *turns], turns, strict=False)]
    # Trio takes tasks in any order: two slices of one may come between two turns of another.
    assert max(steps) <= 2 * SLICE
    assert [ear.heard for ear in ears] == [[1]] * MANY


async def test_a_round_goes_to_its_end_though_it_is_cancelled(room: Room) -> None:
    ears = fill(room, MANY)
    offer(room, 1)
    with trio.CancelScope() as scope:
        scope.cancel()
        await room.deliver()
    assert behind(ears) == []


async def half_way(nursery: trio.Nursery, room: Room, ears: list[Ear]) -> None:
    """Return with a round under way that has not come to everybody."""
    nursery.start_soon(room.deliver)
    while not any(ear.writes for ear in ears):
        await trio.lowlevel.checkpoint()
    assert behind(ears)


async def test_who_comes_amid_a_round_gets_what_is_behind_its_position(room: Room) -> None:
    ears, newcomer = fill(room, MANY), Ear()
    offer(room, 1, 2)
    async with trio.open_nursery() as nursery:
        await half_way(nursery, room, ears)
        offer(room, 3)
        room.add("new", cast("WriteBuffer", newcomer))
        assert room.position == 2
        assert len(room.recent.all) == 2
    assert newcomer.heard == [3]
    assert [ear.heard for ear in ears] == [[1, 2, 3]] * MANY


async def test_who_joins_again_amid_a_round_has_it_before_the_answer(room: Room) -> None:
    ears = fill(room, MANY)
    offer(room, 1)
    async with trio.open_nursery() as nursery:
        await half_way(nursery, room, ears)
        late = behind(ears)[0]
        room.add(late, cast("WriteBuffer", ears[int(late)]))
        assert ears[int(late)].heard == [1]
    assert [ear.heard for ear in ears] == [[1]] * MANY


async def test_who_leaves_amid_a_round_hears_no_more(room: Room) -> None:
    ears = fill(room, MANY)
    offer(room, 1)
    async with trio.open_nursery() as nursery:
        await half_way(nursery, room, ears)
        late = behind(ears)[0]
        room.remove(late)
    assert [number for number, ear in enumerate(ears) if ear.heard != [1]] == [int(late)]
    assert ears[int(late)].writes == []
    assert not room.has(late)


async def test_an_announcement_amid_a_round_follows_it(room: Room) -> None:
    ears = fill(room, MANY)
    offer(room, 1)
    async with trio.open_nursery() as nursery:
        await half_way(nursery, room, ears)
        offer(room, 2)
        room.announce(Notice(code="n", message="."))
        await room.deliver()
    assert [ear.heard for ear in ears] == [[1, 2, "n"]] * MANY


async def test_what_is_announced_keeps_its_place_among_the_messages(room: Room) -> None:
    [ear] = fill(room, 1)
    for code, seq in (("a", 1), ("b", 2), ("c", 3)):
        room.announce(Notice(code=code, message="."))
        offer(room, seq)
    room.announce(Notice(code="d", message="."), after=1)
    await room.deliver()
    assert ear.heard == ["a", 1, "b", 2, "c", "d", 3]


async def test_what_was_announced_before_a_loss_is_told_before_it(room: Room) -> None:
    [ear] = fill(room, 1)
    offer(room, *range(1, 11))
    room.deliver_now()
    room.announce(Notice(code="before", message="."))
    lose(room, agreed=5)
    room.announce_loss(Notice(code="loss", message="."))
    offer(room, 6)
    await room.deliver()
    assert ear.heard == [*range(1, 11), "before", "loss", 6]


@pytest.mark.parametrize(
    ("members", "messages", "rest"),
    [
        (100, 1, None),
        (100, 2, 100 * REST_PER_MEMBER),
        (10, 50, None),
        (MANY, 3, MANY * REST_PER_MEMBER),
        (4000, 2, LONGEST_REST),
    ],
)
async def test_a_room_rests_after_a_round_of_several_messages(
    room: Room, autojump_clock: trio.testing.MockClock, members: int, messages: int,
    rest: float | None,
) -> None:  # fmt: skip
    fill(room, members)
    offer(room, *range(1, messages + 1))
    await room.deliver()
    if rest is None:
        assert room.rested_at <= autojump_clock.current_time()
    else:
        assert room.rested_at == pytest.approx(autojump_clock.current_time() + rest)


async def test_nothing_due_is_nothing_done(room: Room) -> None:
    ears = fill(room, 2)
    await room.deliver()
    await wait_all_tasks_blocked()
    assert [ear.writes for ear in ears] == [[], []]


def test_a_note_goes_to_the_others_who_read_and_only_in_a_small_room(room: Room) -> None:
    ears = fill(room, MOST_TOLD_OF_TYPING)
    ears[2].waiting = 1
    names = list(room.sessions)
    room.note(b"note", names[1])
    assert [len(ear.writes) for ear in ears[:4]] == [1, 0, 0, 1]
    room.add("one more", cast("WriteBuffer", Ear()))
    room.note(b"note", names[1])
    assert [len(ear.writes) for ear in ears[:4]] == [1, 0, 0, 1]


# --- erasures -------------------------------------------------------------------------------------


async def test_what_is_erased_is_handed_out_no_more(room: Room) -> None:
    [ear] = fill(room, 1)
    offer(room, 1, 2)
    room.deliver_now()
    offer(room, 3, 5)  # 5 is held back behind a gap
    room.erase(ErasedSet(count=3, seqs=[2, 3, 5]))
    offer(room, 4)
    await room.deliver()
    assert ear.heard == [1, 2, -3, "erased 0 [2, 3, 5]", 4, -5]
    assert [m.count(b"erased") for m in room.recent.all] == [0, 1, 1, 0, 1]
    room.erase(ErasedSet(count=4, up_to=4))
    assert [m.count(b"erased") for m in room.recent.all] == [1, 1, 1, 1, 1]


async def test_an_erasure_is_heard_while_a_room_rests(room: Room) -> None:
    [ear] = fill(room, 1)
    room.erase(ErasedSet(count=1, seqs=[1]))
    assert room.due
    await room.deliver()
    assert ear.heard == ["erased 0 [1]"]


async def test_of_what_is_on_record_only_the_news_are_told(room: Room) -> None:
    [ear] = fill(room, 1)
    room.erase(ErasedSet(count=2, seqs=[7, 8]))
    room.merge_erasures(ErasedSet(count=4, up_to=2, seqs=[7, 8, 9]))
    room.merge_erasures(ErasedSet(count=4, up_to=2, seqs=[7, 8, 9]))
    await room.deliver()
    assert ear.heard == ["erased 0 [7, 8]", "erased 2 [9]"]
    assert (room.erasures.count, room.erasures.seqs) == (4, [7, 8, 9])


async def test_an_erasure_in_another_epoch_is_a_reason_to_read_the_log(room: Room) -> None:
    [ear] = fill(room, 1)
    offer(room, 1)
    room.receive_erasure(Erasure(epoch="two", count=1, seqs=[1]))
    assert room.log.state is LogState.BEHIND
    await room.deliver()
    assert ear.heard == [1]


async def test_where_more_was_erased_than_is_on_record_nothing_is_kept(room: Room) -> None:
    [ear] = fill(room, 1)
    offer(room, 1, 2)
    room.deliver_now()
    offer(room, 3, 5)
    record = ErasedSet(count=2 * MOST_RECORDED, seqs=list(range(10, 10 + MOST_RECORDED)))
    room.merge_erasures(record)
    assert room.log.state is LogState.BEHIND
    assert not room.recent.all
    assert (room.position, room.log.frontier) == (2, 2)
    offer(room, 3)
    await room.deliver()
    assert [heard for heard in ear.heard if isinstance(heard, int)] == [1, 2, 3]


def test_the_last_erased_messages_are_known() -> None:
    erasures = Erasures()
    for seq in range(1, MOST_RECORDED + 11):
        erasures.add(ErasedSet(count=seq, seqs=[seq]))
    assert erasures.seqs == list(range(11, MOST_RECORDED + 11))
    assert not erasures.has(10)
    erasures.add(ErasedSet(count=9_999, up_to=20))
    assert erasures.has(10)
    assert erasures.seqs[0] == 21
