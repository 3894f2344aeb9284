"""Which events are news to a client, wherever the server has lost something."""

from __future__ import annotations

from client.positions import Positions
from gateway import wire


def direct(epoch: str, seq: int) -> wire.DirectMessage:
    return wire.DirectMessage(
        seq=seq, at=0, epoch=epoch, sender="bob", to="alice", text=f"{seq}", id=f"{seq}"
    )


def joined(epoch: str, seq: int) -> wire.Joined:
    return wire.Joined(
        room="lobby", epoch=epoch, seq=seq, version=1, count=0, members=[], messages=[]
    )


def message(seq: int) -> wire.Message:
    return wire.Message(seq=seq, at=0, room="lobby", sender="bob", text="", id="1")


def lost(epoch: str, seq: int, room: str | None = None) -> wire.Notice:
    return wire.Notice(code="history_lost", message="Lost.", room=room, epoch=epoch, seq=seq)


def no_rereading(room: str) -> None:
    raise AssertionError(room)


def test_a_direct_message_is_news_once() -> None:
    positions = Positions()
    told = [positions.is_news(direct("e", seq), no_rereading) for seq in (1, 2, 2, 1, 3)]
    assert told == [True, True, False, False, True]
    assert positions.inbox == wire.Position(epoch="e", seq=3)


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
    assert positions.inbox == wire.Position(epoch="e", seq=10)


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
