"""Which events are news to a client, wherever the server has lost something."""

from __future__ import annotations

from msgspec.structs import replace

from client.session.positions import Positions
from gateway import wire


def direct(epoch: str, seq: int) -> wire.DirectMessage:
    return wire.DirectMessage(
        seq=seq, at=0, epoch=epoch, sender="bob", to="alice", text=f"{seq}", id=f"{seq}"
    )


def joined(epoch: str, seq: int, *messages: wire.Message) -> wire.Joined:
    return wire.Joined(
        room="lobby", epoch=epoch, seq=seq, version=1, count=0, members=[], messages=[*messages]
    )


def message(seq: int) -> wire.Message:
    return wire.Message(seq=seq, at=0, room="lobby", sender="bob", text="", id=f"{seq}")


def back(epoch: str, seq: int, *directs: wire.DirectMessage, recovered: bool) -> wire.Welcome:
    return wire.Welcome(
        session="", nick="alice", node="", resumed=True, directs=list(directs),
        inbox=wire.Position(epoch=epoch, seq=seq), recovered=recovered,
        limits=wire.Limits(
            frame_bytes=1, text_bytes=1, rooms=1, history=1, flood_burst=1, flood_rate=1
        ),
    )  # fmt: skip


def lost(epoch: str, seq: int, room: str | None = None) -> wire.Notice:
    return wire.Notice(code="history_lost", message="Lost.", room=room, epoch=epoch, seq=seq)


def no_rereading(room: str) -> None:
    raise AssertionError(room)


def test_a_direct_message_is_news_once() -> None:
    positions = Positions()
    told = [positions.is_news(direct("e", seq), no_rereading) for seq in (1, 2, 2, 1, 3)]
    assert told == [True, True, False, False, True]
    assert positions.inbox == wire.Position(epoch="e", seq=3, id="3")


def test_direct_messages_behind_what_was_lost_are_news() -> None:
    positions = Positions()
    assert positions.is_news(direct("e", 10), no_rereading)
    assert positions.is_news(lost("renewed", 5), no_rereading)
    assert positions.inbox == wire.Position(epoch="renewed", seq=5)
    told = [positions.is_news(direct(e, n), no_rereading) for e, n in (("e", 6), ("renewed", 7))]
    assert told == [True, True]


def test_a_notice_about_nothing_in_particular_moves_nothing() -> None:
    positions = Positions()
    assert positions.is_news(direct("e", 10), no_rereading)
    assert positions.is_news(wire.Notice(code="draining", message="Going."), no_rereading)
    assert positions.inbox == wire.Position(epoch="e", seq=10, id="10")


def test_messages_behind_what_a_room_lost_are_news_and_its_members_are_read_again() -> None:
    positions = Positions()
    positions.follow(joined("e", 10))
    reread: list[str] = []
    assert not positions.is_news(message(10), no_rereading)
    assert positions.is_news(lost("renewed", 5, "lobby"), reread.append)
    assert reread == ["lobby"]
    assert [positions.is_news(message(seq), no_rereading) for seq in (5, 6, 6)] == [
        False, True, False,
    ]  # fmt: skip


def test_where_a_room_is_has_the_id_of_the_message_seen_there() -> None:
    positions = Positions()

    def seen() -> wire.Position:
        return positions.rooms["lobby"].seen

    positions.follow(joined("e", 10))
    assert seen() == wire.Position("e", 10)
    positions.is_news(message(11), no_rereading)
    assert seen() == wire.Position("e", 11, "11")
    positions.is_news(lost("renewed", 12, "lobby"), lambda _: None)
    assert seen() == wire.Position("renewed", 12)
    positions.follow(joined("e", 10, message(9), message(10)))
    assert seen() == wire.Position("e", 10, "10")
    positions.follow(replace(joined("e", 10), recovered=True))
    assert seen() == wire.Position("e", 10, "10")
    positions.follow(replace(joined("e", 10), recovered=False))
    assert seen() == wire.Position("e", 10)
    positions.follow(joined("e", 11, message(9), message(10)))
    assert seen() == wire.Position("e", 11)


def test_who_comes_back_goes_on_behind_the_welcome() -> None:
    positions = Positions()
    positions.is_news(direct("e", 3), no_rereading)
    assert not positions.took_up(back("e", 3, recovered=True))
    assert positions.inbox == wire.Position("e", 3, "3")
    missed = [direct("e", 4), direct("e", 5)]
    assert positions.took_up(back("e", 5, *missed, recovered=True)) == missed
    assert positions.inbox == wire.Position("e", 5, "5")
    assert not positions.took_up(back("e", 5, recovered=False))
    assert positions.inbox == wire.Position("e", 5)


def test_after_a_loss_nothing_is_told_twice_and_nothing_new_is_dropped() -> None:
    positions = Positions()
    for seq in range(1, 11):
        positions.is_news(direct("e", seq), no_rereading)
    kept = [direct("renewed", seq) for seq in range(1, 6)]
    new = [replace(direct("renewed", seq), id=f"new {seq}") for seq in range(6, 8)]
    assert positions.took_up(back("renewed", 7, *kept, *new, recovered=False)) == new
    assert positions.is_news(direct("renewed", 8), no_rereading)
