"""What a promise is, and the server on which it is tried."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import trio

from tests.conformance.client import Client, connected


@dataclass(frozen=True)
class Server:
    """The server that is tried.

    - ``first``, ``second``: URLs of two nodes; the same one twice if there is one node only;
    - ``patience``: the longest wait, in seconds, that a promise may take to be tried;
    - ``kill``: ends the first node without a goodbye; None if that is not to be tried.
    """

    first: str
    second: str
    patience: float = 10.0
    kill: Callable[[], Awaitable[None]] | None = None

    def new_nick(self) -> str:
        """Return a nickname that nobody has."""
        return f"c-{secrets.token_hex(6)}"

    def new_room(self) -> str:
        """Return the name of a room that nobody is in."""
        return f"conformance-{secrets.token_hex(6)}"

    @asynccontextmanager
    async def client(self, *, on_second: bool = False, queued: int = 1000) -> AsyncIterator[Client]:
        """Connect a client that has not said hello."""
        async with connected(self.second if on_second else self.first, queued=queued) as client:
            yield client

    @asynccontextmanager
    async def someone(self, *, on_second: bool = False, **fields: Any) -> AsyncIterator[Client]:
        """Connect a client that has begun a session, under a nickname of its own."""
        async with self.client(on_second=on_second) as client:
            await client.hello(**({"nick": self.new_nick()} | fields))
            yield client

    @asynccontextmanager
    async def in_a_room(self, people: int = 2) -> AsyncIterator[tuple[str, list[Client]]]:
        """Have people in a new room, on the first and the second node by turns."""
        room = self.new_room()
        async with AsyncExitStack() as stack:
            clients = []
            for number in range(people):
                someone = self.someone(on_second=number % 2 == 1)
                clients.append(await stack.enter_async_context(someone))
                await clients[-1].ok("join", room=room)
            yield room, clients


class LeftOut(Exception):
    """A promise cannot be tried on this server; the text says why."""


Trial = Callable[[Server], Awaitable[None]]


@dataclass(frozen=True)
class Promise:
    """One promise: its sentence, how it is tried, and whether that is done at last and alone."""

    sentence: str
    trial: Trial
    alone: bool = False


PROMISES: Final[list[Promise]] = []
"""All promises, in the order in which they are tried."""


def promise(sentence: str, *, alone: bool = False) -> Callable[[Trial], Trial]:
    """Add a function to `PROMISES`; ``sentence`` is what it tries."""

    def add(trial: Trial) -> Trial:
        PROMISES.append(Promise(sentence, trial, alone))
        return trial

    return add


async def wait_out(server: Server, seconds: float, what: str) -> None:
    """Wait for as long as something lasts; :raises LeftOut: if that is too long."""
    if seconds > server.patience:
        raise LeftOut(f"{what} lasts {seconds:g} s; use --patience")
    await trio.sleep(seconds)
