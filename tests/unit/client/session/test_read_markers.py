"""How far an account's owner has read is told to the server: once, and the newest last."""

from __future__ import annotations

import pytest
import trio

from client.session import CommandError
from gateway import wire
from tests.unit.client.session.account_sessions import alice, guest, room
from tests.unit.client.session.scripted_node import LOST, Frame, ScriptedNode, member_of, refusal

pytestmark = pytest.mark.usefixtures("at_once")

OK: Frame = {"type": "ok"}


async def marks(node: ScriptedNode, number: int) -> list[tuple[str, int]]:
    frames = await node.until("read", number)
    return [(frame.get("room") or f"@{frame['with']}", frame["seq"]) for frame in frames]


async def test_only_what_is_news_is_marked() -> None:
    async with alice(room("lobby", 9, read=4)) as (node, session):
        mark = session.account.mark_read
        for seq in (3, 4, 5, 5, 2):
            await mark(seq, room="lobby")
        await mark(1, with_="bob")
        await node.tell({"type": "read", "room": "lobby", "seq": 8})
        assert await session.events.receive() == wire.ReadElsewhere(room="lobby", seq=8)
        await mark(7, room="lobby")
        await mark(9, room="lobby")
        assert await marks(node, 3) == [("lobby", 5), ("@bob", 1), ("lobby", 9)]


async def test_one_marker_is_on_its_way_at_a_time_and_the_newest_follows() -> None:
    async with alice(room("lobby", 9)) as (node, session), trio.open_nursery() as nursery:

        async def mark(seq: int, name: str = "lobby") -> None:
            await session.account.mark_read(seq, room=name)

        node.script("read", None, OK)
        nursery.start_soon(mark, 1)
        [first] = await node.until("read")
        for seq in (2, 3, 4):
            await mark(seq)
        await mark(1, "cafe")
        assert await marks(node, 2) == [("lobby", 1), ("cafe", 1)], "another one does not wait"
        await node.tell({**OK, "id": first["id"]})
        assert await marks(node, 3) == [("lobby", 1), ("cafe", 1), ("lobby", 4)]


async def test_a_marker_that_was_not_told_is_told_over_the_next_connection() -> None:
    async with alice(room("lobby", 9)) as (node, session):
        node.script("read", LOST, OK)
        await session.account.mark_read(7, room="lobby")
        assert await marks(node, 2) == [("lobby", 7)] * 2
        await session.account.mark_read(7, room="lobby")
        await session.ping()
        assert len(node.frames("read")) == 2


async def test_a_marker_that_is_refused_is_not_told_again() -> None:
    async with alice() as (node, session):
        node.script("read", refusal("no_such_nick"), OK)
        with pytest.raises(CommandError, match="bob"):
            await session.account.mark_read(1, with_="bob")
        await node.tell(LOST)
        await node.until("hello", 2)
        await session.account.mark_read(1, with_="carol")
        assert await marks(node, 2) == [("@bob", 1), ("@carol", 1)]


async def test_a_guest_marks_nothing() -> None:
    async with guest() as (node, session):
        await session.account.mark_read(1, room="lobby")
        await session.ping()
        assert node.frames("read") == []


async def test_a_room_keeps_its_name_in_markers() -> None:
    async with alice() as (node, session):
        node.script("join", member_of("Lobby"))
        await session.join("lobby")
        await session.account.mark_read(1, room="lobby")
        assert await marks(node, 1) == [("Lobby", 1)]
