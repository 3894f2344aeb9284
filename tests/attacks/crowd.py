"""What an attack is given: attackers, from one address or many, and a count of what they got."""

from __future__ import annotations

import json
import re
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from typing import Any, Final

import trio

from tests.attacks.connection import Connection, connected
from tests.websocket import CLOSE, Frame, encode_frame, handshake

COMMANDS_PER_SECOND: Final = 10.0
"""What flood control allows by default: an attack that stays within it is not slowed down."""
GATHER_SECONDS: Final = 20.0
"""How long attackers wait for each other."""
_COMING_IN: Final = 64
"""Attackers that may be on the way in at the same time."""
_RETRY_SECONDS: Final = 0.05
_ERROR: Final = re.compile(rb'^\{"type":"error","code":"(\w+)"')
_ANSWERS: Final = (b'{"type":"ok"', b'{"type":"error"', b'{"type":"welcome"')


class Ended(Exception):
    """The connection is over; why has been counted."""


def encode(**command: Any) -> bytes:
    """Return a command as a frame."""
    return encode_frame(json.dumps(command, ensure_ascii=False).encode())


class Attacker:
    """One connection of an attack. ``number`` is its place in the crowd."""

    def __init__(self, crowd: Crowd, number: int, connection: Connection) -> None:
        self.number = number
        self.outcomes = crowd.outcomes
        self._crowd = crowd
        self._connection = connection

    async def send(self, data: bytes) -> None:
        """Send bytes as they are.

        :raises Ended: if the connection is lost.
        """
        try:
            await self._connection.send(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._end("cut off")

    async def say(self, **command: Any) -> None:
        """Send a command, without waiting for the answer."""
        await self.send(encode(**command))

    async def response(self) -> int:
        """Receive an HTTP response and count it; return its status, 0 if none came."""
        status = await self._connection.status()
        self.outcomes[f"HTTP {status}" if status else "cut off"] += 1
        return status

    async def read_to_end(self) -> None:
        """Receive until the node closes, and count nothing of it."""
        await self._connection.read_to_end()

    async def upgrade(self, headers: str = "") -> None:
        """Open the WebSocket, with further header lines.

        :raises Ended: if it was refused.
        """
        await self.send(handshake()[:-2] + headers.encode() + b"\r\n")
        if await self.response() != 101:
            raise Ended

    async def come_in(self, *rooms: str, headers: str = "") -> None:
        """Open the WebSocket, say hello with a new nickname, and join rooms.

        :raises Ended: if the handshake or the hello was refused.
        """
        async with self._crowd.arriving:
            await self.upgrade(headers)
            await self.say(type="hello", nick=self._crowd.new_nick(), id="hello")
            if not (await self.answer()).startswith(b'{"type":"welcome"'):
                raise Ended
        for number, room in enumerate(rooms):
            if number > COMMANDS_PER_SECOND:
                await trio.sleep(1 / COMMANDS_PER_SECOND)
            await self.say(type="join", room=room, history=0, id=f"join{number}")
            await self.answer()

    async def answer(self) -> bytes:
        """Receive the next answer to a command, and count it.

        :raises Ended: if the node closed the connection.
        """
        while not (payload := (await self._frame()).payload).startswith(_ANSWERS):
            pass
        return payload

    async def read(self) -> None:
        """Receive until the node closes, and count the answers; raises `Ended`."""
        while True:
            await self._frame()

    async def repeat(
        self,
        frames: Callable[[int], bytes],
        *,
        per_second: float = COMMANDS_PER_SECOND,
    ) -> None:
        """Send ``frames(0)``, ``frames(1)``, … and read what comes, until the node closes.

        With a rate of 0 as fast as the node takes them in.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.read)
            for number in count():
                await self.send(frames(number))
                self.outcomes["sent"] += 1
                if per_second:
                    await trio.sleep(1 / per_second)

    async def _frame(self) -> Frame:
        frame = await self._connection.next_frame()
        if frame.opcode == CLOSE:
            self._end(f"closed {int.from_bytes(frame.payload[:2], 'big')}")
        if (error := _ERROR.match(frame.payload)) is not None:
            self.outcomes[error[1].decode()] += 1
        elif frame.payload.startswith(_ANSWERS):
            self.outcomes["welcome" if b"welcome" in frame.payload[:20] else "ok"] += 1
        return frame

    def _end(self, how: str) -> None:
        self.outcomes[how] += 1
        raise Ended


class Crowd:
    """Attackers on some ports of this machine, spread evenly over addresses.

    - ``size``: how many there are at the same time
    - ``victim``: the nickname of an innocent bystander
    - ``outcomes``: how often they got what
    """

    def __init__(
        self, ports: Sequence[int], addresses: Sequence[str], size: int, victim: str
    ) -> None:
        self.size = size
        self.victim = victim
        self.outcomes: Counter[str] = Counter()
        self.arriving = trio.CapacityLimiter(_COMING_IN)
        self._ports = ports
        self._addresses = addresses
        self._tag = secrets.token_hex(4)
        self._nicks = count()
        self._missing = size
        self._gathered = trio.Event()

    def new_nick(self) -> str:
        """Return a nickname that nobody has had, as long as one may be."""
        return f"attacker-{self._tag}-{next(self._nicks)}".ljust(32, "_")

    async def each(
        self, act: Callable[[Attacker], Awaitable[None]], *, receive_buffer: int = 0
    ) -> None:
        """Have every attacker connect, act, and begin again when that is over; never returns."""
        async with trio.open_nursery() as nursery:
            for number in range(self.size):
                nursery.start_soon(self._again_and_again, act, number, receive_buffer)

    async def gather(self) -> None:
        """Wait until every attacker has called this, at most `GATHER_SECONDS`."""
        self._missing -= 1
        if self._missing <= 0:
            self._gathered.set()
        with trio.move_on_after(GATHER_SECONDS):
            await self._gathered.wait()
        self._gathered.set()

    async def _again_and_again(
        self, act: Callable[[Attacker], Awaitable[None]], number: int, receive_buffer: int
    ) -> None:
        while True:
            try:
                async with self._connect(number, receive_buffer) as attacker:
                    await act(attacker)
            except* Ended:
                await trio.sleep(_RETRY_SECONDS)
            except* OSError as failed:
                for error in failed.exceptions:
                    self.outcomes[str(getattr(error, "strerror", error))] += 1
                await trio.sleep(_RETRY_SECONDS)

    @asynccontextmanager
    async def _connect(self, number: int, receive_buffer: int) -> AsyncIterator[Attacker]:
        port = self._ports[number % len(self._ports)]
        address = self._addresses[number % len(self._addresses)]
        async with AsyncExitStack() as stack:
            async with self.arriving:
                connecting = connected(port, address, receive_buffer=receive_buffer)
                connection = await stack.enter_async_context(connecting)
            self.outcomes["connected"] += 1
            yield Attacker(self, number, connection)
