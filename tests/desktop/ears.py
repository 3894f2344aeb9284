"""What a headless session hears."""

from __future__ import annotations

from typing import TypeVar

import trio

from client.session import ClientSession
from gateway import wire
from tests import PATIENCE
from tests.waiting import until

EventT = TypeVar("EventT")


async def hear(peer: ClientSession, text: str) -> wire.Message:
    """Wait until a message comes."""
    heard: list[str] = []
    with trio.move_on_after(PATIENCE):
        async for event in peer.events:
            if isinstance(event, wire.Message):
                if event.text == text:
                    return event
                heard.append(event.text)
    raise AssertionError(f"{text!r} did not come, only {heard}")


async def hear_leaving(peer: ClientSession, nick: str) -> None:
    """Wait until it is told that somebody left."""
    with trio.fail_after(PATIENCE):
        async for event in peer.events:
            if isinstance(event, wire.Presence) and nick in event.left:
                return
    raise AssertionError("the session ended")


async def until_gone(peer: ClientSession, nick: str, seconds: float = PATIENCE) -> None:
    """Wait until somebody is no member; who came and went at once may not be told at all."""

    async def is_gone() -> bool:
        listing = await peer.members("lobby")
        return nick not in {member.nick for member in listing.members}

    await until(is_gone, f"{nick} to leave", seconds)


async def hear_event(peer: ClientSession, kind: type[EventT]) -> EventT:
    """Wait until an event of a kind comes."""
    with trio.move_on_after(PATIENCE):
        async for event in peer.events:
            if isinstance(event, kind):
                return event
    raise AssertionError(f"no {kind.__name__} came")
