"""A visit, with a stand-in for the session that answers as it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from client import events
from client.desktop.control.session_controller import SessionController
from client.model import Chat, ConversationKey, DateLine, Draft
from client.session import ClientSession, NotConfirmed, NotConnected
from gateway import wire
from gateway.wire import CommandError
from tests.unit.client.model.chatting import NOON, joined, lines_of, message, texts

Answer = Callable[..., object]
CONNECTED = events.Connected("ws://a/ws", "node-a", "alice", resumed=False)


class StandIn:
    """A session whose commands are answered by these, which may raise."""

    def __init__(self, **answers: Answer) -> None:
        self.asked: list[tuple[str, tuple[object, ...]]] = []
        self.rooms: list[str] = []
        self.limits: wire.Limits | None = None
        self.tell, self.events = trio.open_memory_channel[events.Event](100)
        self._answers: dict[str, Answer] = {"ping": lambda: 0.001} | answers
        self.state: events.AccountState | None = None

    @property
    def account(self) -> StandIn:
        """What an account may do is answered by the same."""
        return self

    def __getattr__(self, name: str) -> Any:
        async def command(*arguments: object, **_options: object) -> object:
            self.asked.append((name, arguments))
            await trio.lowlevel.checkpoint()
            answer = self._answers[name](*arguments) if name in self._answers else None
            return await answer if isinstance(answer, Awaitable) else answer

        return command


async def nothing() -> None:
    await trio.lowlevel.checkpoint()


@asynccontextmanager
async def controlling(chat: Chat, session: StandIn) -> AsyncIterator[SessionController]:
    async with trio.open_nursery() as nursery:
        yield SessionController(
            chat,
            cast("ClientSession", session),
            nursery,
            on_change=lambda: None,
            on_room=lambda: None,
            on_account=nothing,
            save_input=lambda: None,
        )
        nursery.cancel_scope.cancel()


def after(*failures: Exception, answer: object) -> Answer:
    """Fail in these ways, one after the other, and then give the answer."""
    left = list(failures)

    def give(*_arguments: object) -> object:
        if left:
            raise left.pop(0)
        return answer

    return give


@pytest.mark.usefixtures("autojump_clock")
async def test_older_lines_can_be_asked_for_again_after_a_failure() -> None:
    chat = Chat()
    chat.apply(joined(message(5), message(6)), NOON)
    lobby = chat.room("lobby")
    page = wire.HistoryPage(room="lobby", messages=[message(4)], more=True)
    failures = (NotConnected("it broke"), CommandError("too_fast", "Slowly."))
    session = StandIn(history=after(*failures, answer=page))
    async with controlling(chat, session) as controller:
        await controller.load_older(lobby)
        assert lobby.may_load_older, "when there is a connection again"
        assert texts(chat) == ["m5", "m6"]
        await controller.load_older(lobby)
        assert texts(chat) == ["m4", "m5", "m6"]
        assert lobby.may_load_older
    assert len(session.asked) == 3


async def test_what_is_refused_for_good_is_told_once_and_not_asked_for_again() -> None:
    chat = Chat()
    chat.apply(joined(message(5)), NOON)
    refusal = CommandError("forbidden", "You may not.")
    session = StandIn(history=after(refusal, refusal, answer=None))
    async with controlling(chat, session) as controller:
        await controller.load_older(chat.room("lobby"))
        await controller.load_older(chat.room("lobby"))
    assert texts(chat) == ["m5", "You may not."]
    assert len(session.asked) == 1


async def test_what_is_said_in_a_room_that_cannot_be_entered_is_refused_and_tried_again() -> None:
    chat = Chat()
    ops = chat.room("ops")
    ops.write("id1", "hello?")
    refusal = CommandError("bad_room", "It is too long.")
    entered = wire.Joined(room="ops", epoch="e", seq=0, version=1, count=0, members=[], messages=[])
    session = StandIn(join=after(refusal, refusal, answer=entered), send=lambda *_: 1)
    async with controlling(chat, session) as controller:
        await controller.join(ops)
        assert ops.drafts == {"id1": Draft("id1", "hello?", "It is too long.")}
        ops.write("id2", "and now?")
        controller.send(ops)
        await wait_all_tasks_blocked()
        assert ops.drafts["id2"].refusal == "It is too long."
        told = "This room cannot be entered: It is too long."
        assert [told] == [line.text for line in lines_of(ops) if not isinstance(line, DateLine)]
        ops.retry("id1")
        controller.send(ops)
        await wait_all_tasks_blocked()
        assert (ops.is_joined, ops.join_refusal) == (True, None)
        assert ("send", ("ops", "hello?")) in session.asked
        assert ops.drafts["id2"].refusal is not None, "only what is tried again is said"


async def test_what_was_meant_for_somebody_else_is_sent_only_if_the_person_says_so() -> None:
    chat = Chat()
    bob = chat.conversation(ConversationKey("bob", direct=True))
    bob.write("id1", "a secret")
    refusal = CommandError("other_person", "It is somebody else.", suggestion="tag")
    people: list[object] = []

    class Asking(StandIn):
        async def direct(self, _to: str, _text: str, *, person: str | None, **_: object) -> int:
            await trio.lowlevel.checkpoint()
            people.append(person)
            if person is None:
                raise refusal
            return 1

    session = Asking()
    async with controlling(chat, session) as controller:
        controller.send(bob)
        await wait_all_tasks_blocked()
        asked = Draft("id1", "a secret", "It is somebody else.", stranger="tag")
        assert (bob.drafts, bob.repeatable) == ({"id1": asked}, [])
        assert people == [None]
        bob.retry("id1")
        controller.send(bob)
        await wait_all_tasks_blocked()
        assert people == [None, "tag"]
        assert bob.drafts["id1"].seq == 1


async def test_what_comes_in_is_shown_while_rooms_are_still_being_entered() -> None:
    chat = Chat()
    chat.apply(joined(message(1)), NOON)
    never = trio.Event()
    session = StandIn(join=lambda *_: never.wait())
    async with controlling(chat, session) as controller, trio.open_nursery() as nursery:
        nursery.start_soon(controller.run)
        for event in (CONNECTED, message(2)):
            await session.tell.send(event)
        await wait_all_tasks_blocked()
        assert ("join", ("lobby",)) in session.asked
        assert texts(chat)[-1] == "m2"
        nursery.cancel_scope.cancel()


async def test_rooms_are_entered_one_after_the_other_the_last_used_first() -> None:
    chat = Chat()
    chat.open_rooms(["a", "b", "c"], more=None)
    refusal = CommandError("forbidden", "No.")
    session = StandIn(join=after(*[refusal] * 3, answer=None))
    async with controlling(chat, session) as controller, trio.open_nursery() as nursery:
        nursery.start_soon(controller.run)
        await session.tell.send(CONNECTED)
        await wait_all_tasks_blocked()
        joins = [arguments for name, arguments in session.asked if name == "join"]
        assert joins == [("c",), ("b",), ("a",)]
        nursery.cancel_scope.cancel()


async def test_a_new_session_is_told_the_status_of_the_one_before() -> None:
    chat = Chat()
    chat.status = wire.Member(nick="alice", state="busy", text="deploying")
    session = StandIn()
    async with controlling(chat, session) as controller, trio.open_nursery() as nursery:
        nursery.start_soon(controller.run)
        await wait_all_tasks_blocked()
        assert ("set_status", ("busy", "deploying")) in session.asked
        nursery.cancel_scope.cancel()


UNCERTAIN = NotConfirmed("not confirmed in 30 s")
OVER = NotConfirmed("the session is over", repeatable=False)


@pytest.mark.parametrize(
    ("failures", "draft"),
    [
        ([NotConnected("not sent in 30 s")], Draft("id1", "hi", "not sent in 30 s")),
        ([CommandError("forbidden", "No.")], Draft("id1", "hi", "No.")),
        ([CommandError("gone", "She left.")], Draft("id1", "hi", "She left.", uncertain=True)),
        ([UNCERTAIN, UNCERTAIN, OVER], Draft("id1", "hi", str(OVER), uncertain=True)),
        (
            [UNCERTAIN, CommandError("forbidden", "No.")],
            Draft("id1", "hi", "No.", uncertain=True),
        ),
    ],
)
async def test_what_may_have_been_said_is_not_shown_as_not_sent(
    failures: list[Exception], draft: Draft
) -> None:
    """And it is sent again with its id for as long as that is safe."""
    chat = Chat()
    chat.apply(CONNECTED, NOON)
    chat.apply(joined(message(1)), NOON)
    lobby = chat.room("lobby")
    lobby.write("id1", "hi")
    session = StandIn(send=after(*failures, answer=2))
    async with controlling(chat, session) as controller:
        controller.send(lobby)
        await wait_all_tasks_blocked()
        assert lobby.drafts == {"id1": draft}
    assert session.asked == [("send", ("lobby", "hi"))] * len(failures)


async def test_a_request_that_may_have_been_carried_out_is_reported_so() -> None:
    chat = Chat()
    chat.apply(joined(message(1)), NOON)
    uncertain = CommandError("unavailable", "Not now.", uncertain=True)
    certain = CommandError("unavailable", "Not now.", uncertain=False)
    session = StandIn(rename=after(uncertain, certain, UNCERTAIN, NotConnected("no"), answer="al"))
    async with controlling(chat, session) as controller:
        for _ in range(4):
            await controller.rename("al")
    assert texts(chat)[1:] == [
        "That may have been done or not: Not now.",
        "Not now.",
        f"That may have been done or not: {UNCERTAIN}",
        "That was not possible: no",
    ]


async def test_a_room_that_is_open_under_its_own_name_gets_what_was_written_under_another() -> None:
    chat = Chat()
    chat.apply(joined(message(1)), NOON)
    asked = chat.room("LOBBY")
    asked.write("id1", "hello?")
    session = StandIn(join=lambda *_: joined(message(1)), send=lambda *_: 2)
    async with controlling(chat, session) as controller:
        await controller.join(asked)
        await wait_all_tasks_blocked()
    assert chat.rooms == [chat.room("lobby")]
    assert ("send", ("lobby", "hello?")) in session.asked
