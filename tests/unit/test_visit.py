"""A visit, with a stand-in for the session that answers as it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import trio

from client import events
from client.desktop.visit import Visit
from client.model import Chat
from client.session import ConnectionLost, Session
from gateway import wire
from gateway.wire import CommandError
from tests.unit.model.chatting import NOON, joined, message, texts

Answer = Callable[..., object]


class StandIn:
    """A session whose commands are answered by these, which may raise."""

    def __init__(self, **answers: Answer) -> None:
        self.asked: list[tuple[str, tuple[object, ...]]] = []
        self.rooms: list[str] = []
        self.tell, self.events = trio.open_memory_channel[events.Event](100)
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        async def command(*arguments: object, **_options: object) -> object:
            self.asked.append((name, arguments))
            await trio.lowlevel.checkpoint()
            return self._answers[name](*arguments) if name in self._answers else None

        return command


@asynccontextmanager
async def visiting(chat: Chat, session: StandIn) -> AsyncIterator[Visit]:
    async with trio.open_nursery() as nursery:
        yield Visit(chat, cast("Session", session), nursery, lambda: None)
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
    failures = (ConnectionLost("it broke"), CommandError("too_fast", "Slowly."))
    session = StandIn(history=after(*failures, answer=page))
    async with visiting(chat, session) as visit:
        await visit.load_older(lobby)
        assert lobby.may_load_older, "when there is a connection again"
        assert texts(chat) == ["m5", "m6"]
        await visit.load_older(lobby)
        assert texts(chat) == ["m4", "m5", "m6"]
        assert lobby.may_load_older
    assert len(session.asked) == 3


async def test_what_is_refused_for_good_is_told_once_and_not_asked_for_again() -> None:
    chat = Chat()
    chat.apply(joined(message(5)), NOON)
    refusal = CommandError("forbidden", "You may not.")
    session = StandIn(history=after(refusal, refusal, answer=None))
    async with visiting(chat, session) as visit:
        await visit.load_older(chat.room("lobby"))
        await visit.load_older(chat.room("lobby"))
    assert texts(chat) == ["m5", "You may not."]
    assert len(session.asked) == 1
