"""Those who must not notice an attack: bystanders who chat, and newcomers who come in.

Every other newcomer is the resident, who has an account and signs in by its token.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, Final

import trio

from gateway.wire import LOBBY
from tests.attacks.connection import Connection, connected
from tests.attacks.crowd import encode
from tests.load.generator.histogram import Histogram
from tests.websocket import CLOSE, PING, PONG, encode_close, encode_frame

BYSTANDERS: Final = 4
RESIDENT: Final = "resident"
"""The nickname of the one who has an account."""
PASSWORD: Final = "lavender tram 41 umbrella"  # noqa: S105 - of the resident and of attackers
ROOM: Final = "square"
"""Where the bystanders chat. They are in the lobby too, where attackers may be."""
SEND_SECONDS: Final = 0.2
NEWCOMER_SECONDS: Final = 0.5
_RETRY_SECONDS: Final = 0.1
_NEWCOMER_ADDRESSES: Final = 250


class Observed:
    """What innocents have met in one stretch of time.

    - ``echoes``: microseconds from the moment a message was due to its echo
    - ``arrivals``: the same from a newcomer's first attempt to the answer to its join
    - ``closed``: how many bystanders were closed with which code
    - ``wrong``: what else must not happen: refused, not echoed, not let in
    """

    def __init__(self, patience: float) -> None:
        """Begin; ``patience``: seconds after which an innocent gives up waiting."""
        self._patience = patience
        self.echoes = Histogram()
        self.arrivals = Histogram()
        self.closed: Counter[int] = Counter()
        self.wrong: Counter[str] = Counter()
        self._awaited = 0
        self._changed = trio.Event()

    async def complete(self) -> None:
        """Wait until everything that was begun has come to an end, or was given up."""
        while self._awaited:
            self._changed = trio.Event()
            await self._changed.wait()

    @contextmanager
    def timed(self, times: Histogram, since: float, otherwise: str) -> Iterator[None]:
        """Record how long what is inside takes, counted from ``since``.

        If it is given up, that time is recorded, and ``otherwise`` counted as wrong.
        """
        self._awaited += 1
        try:
            with trio.move_on_at(since + self._patience) as patience:
                yield
            times.record(int((trio.current_time() - since) * 1e6))
            if patience.cancelled_caught:
                self.wrong[otherwise] += 1
        finally:
            self._awaited -= 1
            self._changed.set()


class Innocents:
    """All innocents on some nodes. What they begin goes into ``observed`` of that moment.

    ``patience``: seconds after which they give up waiting, for an echo or to be let in.
    """

    def __init__(self, ports: Sequence[int], patience: float) -> None:
        self._patience = patience
        self.observed = Observed(patience)
        self._token: str | None = None
        self.ports = ports
        self._bystanders = [Bystander(self, number) for number in range(BYSTANDERS)]

    @property
    def victim(self) -> str:
        """The nickname of one of the bystanders."""
        return self._bystanders[0].nick

    def port_for(self, number: int) -> int:
        """Return the port of the node that the innocent with a number connects to."""
        return self.ports[number % len(self.ports)]

    def observe(self) -> Observed:
        """Return what they will meet from now on, until this is called again."""
        self.observed = Observed(self._patience)
        return self.observed

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Chat and come in, until cancelled; started once all bystanders are in."""
        self._token = await _register(self.port_for(0))
        async with trio.open_nursery() as nursery:
            for bystander in self._bystanders:
                await nursery.start(bystander.run)
            task_status.started()
            for number in count():
                nursery.start_soon(self._arrive, number)
                await trio.sleep(NEWCOMER_SECONDS)

    async def _arrive(self, number: int) -> None:
        """Have a newcomer try to come in until it is in."""
        observed, now = self.observed, trio.current_time()
        with observed.timed(observed.arrivals, now, "newcomers not let in"):
            while not await _come_in(self.port_for(number), number, self._hello_of(number)):
                await trio.sleep(_RETRY_SECONDS)

    def _hello_of(self, number: int) -> dict[str, Any]:
        """Return what the newcomer with a number says hello with."""
        if number % 2 and self._token is not None:
            return {"token": self._token}
        return {"nick": f"newcomer-{number}"}


async def _register(port: int) -> str | None:
    """Make the account of the resident; return its token, None if nodes have no accounts."""
    async with connected(port, "127.0.2.250") as resident:
        await resident.upgrade()
        await resident.send(
            encode(type="register", id="register", nick=RESIDENT, password=PASSWORD)
        )
        answer = json.loads((await resident.next_frame()).payload)
        await resident.send(encode_close(1000))
        token: str | None = answer.get("token")
        return token


async def _come_in(port: int, number: int, hello: dict[str, Any]) -> bool:
    """Come in, join a room, and leave; return whether that succeeded."""
    address = f"127.0.3.{1 + number % _NEWCOMER_ADDRESSES}"
    try:
        async with connected(port, address) as newcomer:
            if await newcomer.upgrade() != 101:
                return False
            await newcomer.send(encode(type="hello", **hello))
            await newcomer.send(encode(type="join", room="porch", id="in", history=0))
            while (frame := await newcomer.next_frame()).opcode != CLOSE:
                if frame.payload.startswith(b'{"type":"ok"'):
                    await newcomer.send(encode_close(1000))
                    return True
    except (OSError, trio.BrokenResourceError):
        pass  # it tries again
    return False


class Bystander:
    """Chats on one connection, and hears its own messages come back."""

    def __init__(self, innocents: Innocents, number: int) -> None:
        self.nick = f"bystander-{number}"
        self._innocents = innocents
        self._number = number
        own = rb'"from":"%s","text":"[^"]*","id":"(\d+)"' % self.nick.encode()
        self._echo = re.compile(own)
        self._refusal = re.compile(rb'^\{"type":"error","code":"(\w+)".*"id":"(\d+)"')
        self._awaited: dict[int, trio.Event] = {}

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Come in and chat until the node closes the connection, which is noted."""
        address = f"127.0.2.{1 + self._number}"
        async with connected(self._innocents.port_for(self._number), address) as connection:
            await connection.upgrade()
            await connection.send(encode(type="hello", nick=self.nick))
            for room in (LOBBY, ROOM):
                await connection.send(encode(type="join", room=room, id=room, history=0))
            while b'"id":"square"' not in (await connection.next_frame()).payload:
                pass
            task_status.started()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._chat, connection)
                code = await self._hear(connection)
                self._innocents.observed.closed[code] += 1
                nursery.cancel_scope.cancel()

    async def _chat(self, connection: Connection) -> None:
        """Send messages, each when it is due, however long the earlier ones take."""
        due = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in count():
                nursery.start_soon(self._say, connection, number, due)
                due += SEND_SECONDS
                await trio.sleep_until(due)

    async def _say(self, connection: Connection, number: int, due: float) -> None:
        observed = self._innocents.observed
        self._awaited[number] = trio.Event()
        command = encode(type="send", room=ROOM, text="still here", id=str(number))
        try:
            with observed.timed(observed.echoes, due, "messages not echoed"):
                await connection.send(command)
                await self._awaited[number].wait()
        except trio.BrokenResourceError:
            pass  # it is closed, as `run` finds
        finally:
            del self._awaited[number]

    async def _hear(self, connection: Connection) -> int:
        """Receive what comes, and return the close code."""
        while (frame := await connection.next_frame()).opcode != CLOSE:
            if frame.opcode == PING:
                await connection.send(encode_frame(frame.payload, PONG))
            elif (echo := self._echo.search(frame.payload)) is not None:
                self._heard(int(echo[1]))
            elif (refusal := self._refusal.match(frame.payload)) is not None:
                self._innocents.observed.wrong[f"messages refused: {refusal[1].decode()}"] += 1
                self._heard(int(refusal[2]))
        return int.from_bytes(frame.payload[:2], "big")

    def _heard(self, number: int) -> None:
        if number in self._awaited:
            self._awaited[number].set()
