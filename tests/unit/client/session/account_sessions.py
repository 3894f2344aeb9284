"""Sessions of accounts and guests with a scripted node, and what they are given to keep."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from client.session import AccountState, ClientSession, Event, Guest, Rejoined, Token, open_session
from tests import PATIENCE
from tests.unit.client.session.scripted_node import Frame, ScriptedNode, scripted_node, welcome


def signed_in(**fields: object) -> Frame:
    """Return the welcome of an account."""
    account = {"account": "a1", "role": "user", "device": "d1", "session": "a1.d1.secret"}
    return welcome(**account) | fields


def issuing(token: str, **fields: object) -> Frame:
    """Return the welcome of an account with a new token."""
    return signed_in(**fields) | {"token": token}


class Tokens:
    """Keeps what a session gives it to keep."""

    def __init__(self) -> None:
        self.kept: list[str | None] = []

    async def keep(self, token: str | None) -> None:
        await trio.lowlevel.checkpoint()
        self.kept.append(token)


async def next_of(session: ClientSession, kind: type[Event]) -> Event:
    with trio.fail_after(PATIENCE):
        async for event in session.events:
            if isinstance(event, kind):
                return event
    raise AssertionError("the session is over")


def room(name: str, seq: int = 0, read: int = 0) -> Frame:
    return {"room": name, "seq": seq, "read": read}


@asynccontextmanager
async def alice(*rooms: Frame) -> AsyncIterator[tuple[ScriptedNode, ClientSession]]:
    """Give a node, and a session of an account that has these rooms and is in them."""
    async with scripted_node() as node:
        node.script("hello", signed_in(rooms=list(rooms)))
        async with open_session([node.url], Token("a1.d1.t")) as session:
            await next_of(session, AccountState)
            for _ in rooms:
                await next_of(session, Rejoined)
            yield node, session


@asynccontextmanager
async def guest(tokens: Tokens | None = None) -> AsyncIterator[tuple[ScriptedNode, ClientSession]]:
    """Give a node, and a session of a guest who is in the lobby."""
    async with scripted_node() as node:
        keep = tokens.keep if tokens else None
        async with open_session([node.url], Guest("alice"), on_token=keep) as session:
            await session.join("lobby")
            yield node, session
