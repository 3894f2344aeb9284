"""What a session does for its account, with a stand-in for the session."""

from __future__ import annotations

from trio.testing import wait_all_tasks_blocked

from client import events
from client.model import Chat
from gateway import wire
from tests.unit.client.desktop.control.test_session_controller import (
    CONNECTED,
    StandIn,
    controlling,
)
from tests.unit.client.model.chatting import NOON, joined, message

STATE = events.AccountState(account="a1", role="user", device="d1")


def account(*names: str) -> events.AccountState:
    rooms = tuple(wire.AccountRoom(room=name, seq=0, read=0) for name in names)
    return events.AccountState(account="a1", role="user", device="d1", rooms=rooms)


def asked(session: StandIn, name: str) -> list[tuple[object, ...]]:
    return [arguments for command, arguments in session.asked if command == name]


def answering(state: events.AccountState | None) -> StandIn:
    session = StandIn(
        conversations=list, join=lambda room: joined() if room == "lobby" else _joined(room)
    )
    session.state = state
    return session


def _joined(room: object) -> wire.Joined:
    return wire.Joined(
        room=str(room), epoch="e", seq=0, version=1, count=0, members=[], messages=[]
    )


async def test_the_account_has_its_rooms_joined_by_the_session_and_only_others_are_asked() -> None:
    chat, session = Chat(), answering(STATE)
    chat.open_rooms((), "coffee")
    async with controlling(chat, session) as controller:
        await session.tell.send(CONNECTED)
        await session.tell.send(account("lobby", "tea"))
        session.tell.close()
        await controller.run()
        await wait_all_tasks_blocked()
    assert asked(session, "join") == [("coffee",)]
    assert {room.name for room in chat.rooms} == {"coffee", "lobby", "tea"}


async def test_an_account_without_a_room_comes_into_the_lobby() -> None:
    chat, session = Chat(), answering(STATE)
    async with controlling(chat, session) as controller:
        await session.tell.send(CONNECTED)
        await session.tell.send(account())
        session.tell.close()
        await controller.run()
        await wait_all_tasks_blocked()
    assert asked(session, "join") == [("lobby",)]


async def test_what_this_window_has_shown_is_told_once() -> None:
    chat, session = Chat(), answering(STATE)
    async with controlling(chat, session) as controller:
        chat.apply(CONNECTED, NOON)
        chat.apply(account("lobby"), NOON)
        chat.apply(events.Rejoined(joined(message(1), message(2))), NOON)
        for _ in range(3):
            controller.account.follow_reader()
        await wait_all_tasks_blocked()
        assert asked(session, "mark_read") == [(2,)]
        chat.note_focus(focused=False)
        chat.apply(message(3), NOON)
        controller.account.follow_reader()
        await wait_all_tasks_blocked()
        assert asked(session, "mark_read") == [(2,)], "nobody looks"
        chat.note_focus(focused=True)
        controller.account.follow_reader()
        await wait_all_tasks_blocked()
        assert asked(session, "mark_read") == [(2,), (3,)]


async def test_a_guest_tells_nothing_of_what_was_read() -> None:
    chat, session = Chat(), answering(None)
    async with controlling(chat, session) as controller:
        chat.apply(CONNECTED, NOON)
        chat.apply(joined(message(1)), NOON)
        controller.account.follow_reader()
        await wait_all_tasks_blocked()
    assert asked(session, "mark_read") == []
