"""A client that comes, talks, moves between rooms and goes, over as many sessions as it takes."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final

import trio

from client.session import (
    CannotConnect,
    ClientSession,
    CommandError,
    Ended,
    NotConnected,
    open_session,
)
from gateway import wire
from tests.faults.checkers.streams import repeated
from tests.faults.client.recorder import ClientRecorder
from tests.faults.generator import (
    FLOOD_CHARS,
    HOME,
    ROOMS,
    Operation,
    OperationGenerator,
    padded,
)
from tests.faults.history import RosterRead, RunHistory, SendOperation

MOST_IN_FLIGHT: Final = 20
RETRY_SECONDS: Final = 0.5
REFUSED: Final = (CommandError, NotConnected)
"""How a command fails that the cluster need not carry out now."""


async def read_roster(session: ClientSession, room: str) -> list[str]:
    """Return the nicknames in a room as they are listed; there are so few that it is one page."""
    command = wire.Members(id=secrets.token_hex(8), room=room)
    return [each.nick for each in (await session.command(command, wire.MemberList)).members]


class ChatClient:
    """One person. It is in `HOME` whenever it is there at all, and in the other rooms at times.

    - ``others``: all clients of the run, for direct messages
    - ``is_flooding``: says whether to send as much as is answered
    - ``session``: the present session, once it is in `HOME`; None between sessions
    - ``recorder``: what it has observed
    """

    def __init__(
        self,
        name: str,
        urls: Sequence[str],
        history: RunHistory,
        *,
        seed: str,
        is_flooding: Callable[[], bool],
        others: Sequence[ChatClient],
    ) -> None:
        self.name = name
        self.history = history
        self.session: ClientSession | None = None
        self.recorder = ClientRecorder(name, history)
        self._urls = urls
        self._others = others
        self._is_flooding = is_flooding
        self._generator = OperationGenerator(name, seed)
        self._nick = name
        self._in_flight = 0
        self._acknowledged = Counter[str]()
        self._has_finished = False
        """Whether the operations of this session are over."""
        self._news = trio.lowlevel.ParkingLot()

    @property
    def is_quiet(self) -> bool:
        """Whether it sends nothing any more, and every answer is in."""
        return self._has_finished and not self._in_flight

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so; it is looked at whenever this client hears of anything."""
        while not condition():
            with trio.move_on_after(RETRY_SECONDS):
                await self._news.park()

    async def run(self, talked: trio.Event, finish: trio.Event) -> None:
        """Talk until ``talked``; then be there, listening only, until ``finish``."""
        while not finish.is_set():
            try:
                async with self._open() as session:
                    await self._live(session, talked, finish)
            except CannotConnect:
                await trio.sleep(RETRY_SECONDS)
            except CommandError as error:
                self._refused(error)
                await trio.sleep(RETRY_SECONDS)
            self.session = None

    def _open(self) -> AbstractAsyncContextManager[ClientSession]:
        """Begin a session."""
        return open_session(self._urls, nick=self._nick)

    def _refused(self, error: CommandError) -> None:
        """Take note that no session could be begun."""
        if error.code == "nick_taken":
            self._nick = self._generator.other_nick()

    def _ended(self, event: Ended) -> None:
        """Take note that the session is over."""

    async def _live(self, session: ClientSession, talked: trio.Event, finish: trio.Event) -> None:
        """Spend one session; it ends when it has been enough, or the session has ended."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._listen, session, nursery.cancel_scope)
                await self._operate(session, nursery, talked, finish)
                nursery.cancel_scope.cancel()
        finally:
            self._has_finished = False
            self.recorder.end_session(trio.current_time())

    async def _listen(self, session: ClientSession, session_scope: trio.CancelScope) -> None:
        async for event in session.events:
            self.recorder.receive(event, trio.current_time())
            if isinstance(event, Ended):
                self._ended(event)
                session_scope.cancel()
            self._news.unpark_all()

    async def _operate(
        self, session: ClientSession, nursery: trio.Nursery, talked: trio.Event, finish: trio.Event
    ) -> None:
        while not await self.enter(session, HOME):
            if finish.is_set():
                return
            await trio.sleep(RETRY_SECONDS)
        self.session = session
        while await self._has_a_turn(talked):
            operation = self._generator.operation(flooding=self._is_flooding())
            if operation is Operation.END_SESSION:
                await self._finish_sending()
                return
            await self.carry_out(operation, session, nursery)
        self._has_finished = True
        await finish.wait()

    async def _has_a_turn(self, talked: trio.Event) -> bool:
        """Wait until the next operation is due; return False once all have talked enough.

        While flooding, the next one is due as soon as enough is answered, so that no machine is
        too slow for it.
        """
        with trio.move_on_after(self._generator.pause(flooding=self._is_flooding())):
            await talked.wait()
        await self.wait_until(lambda: self._in_flight < MOST_IN_FLIGHT or talked.is_set())
        return not talked.is_set()

    async def talk_on(self, times: int) -> None:
        """Wait until so many more messages in rooms are answered, and one direct message."""
        enough = self._acknowledged + Counter(room=times, direct=min(1, times))
        await self.wait_until(lambda: self._acknowledged >= enough)

    # --- operations ---------------------------------------------------------------------------

    async def carry_out(
        self, operation: Operation, session: ClientSession, nursery: trio.Nursery
    ) -> None:
        """Do what the generator has chosen."""
        match operation:
            case Operation.MOVE:
                await self._move(session)
            case Operation.READ_ROSTER:
                await self._read_roster(session)
            case Operation.SEND_DIRECT:
                self._send_direct(session, nursery)
            case Operation.SEND:
                self._send(session, nursery)

    def _send(self, session: ClientSession, nursery: trio.Nursery) -> None:
        flooding = self._is_flooding()
        room = HOME if flooding else self._generator.choose(list(self.recorder.rooms))
        send = self._generator.send(room, trio.current_time())
        self.history.room_sends.append(send)
        text = padded(send.text, FLOOD_CHARS if flooding else 0)
        request = partial(session.send, room, text, message_id=send.text)
        self._in_flight += 1
        nursery.start_soon(self._complete, "room", send, request)

    def _send_direct(self, session: ClientSession, nursery: trio.Nursery) -> None:
        if nicks := self._addressees():
            send = self._generator.send(self._generator.choose(nicks), trio.current_time())
            self.history.direct_sends.append(send)
            request = partial(session.direct, send.target, send.text, message_id=send.text)
            self._in_flight += 1
            nursery.start_soon(self._complete, "direct", send, request)

    def _addressees(self) -> list[str]:
        """Return the nicknames that may be written to."""
        others = [each for each in self._others if each is not self]
        return [each.session.nick for each in others if each.session is not None]

    async def _complete(
        self, kind: str, send: SendOperation, request: Callable[[], Awaitable[int]]
    ) -> None:
        """Wait for the answer to a message, and record it."""
        try:
            send.seq = await request()
            send.completed_at = trio.current_time()
            self._acknowledged[kind] += 1
        except REFUSED as error:
            send.failure = str(error)
        finally:
            self._in_flight -= 1
            self._news.unpark_all()

    async def _finish_sending(self) -> None:
        while self._in_flight:
            await self._news.park()

    async def _move(self, session: ClientSession) -> None:
        """Enter a room, or leave it."""
        room = self._generator.choose(ROOMS[1:])
        if room not in self.recorder.rooms:
            await self.enter(session, room)
            return
        await self._finish_sending()
        try:
            await session.leave(room)
        except REFUSED:
            return  # whether it has left is unknown; the session stays in the room
        if room in self.recorder.rooms:
            self.recorder.left(room, trio.current_time())

    async def enter(self, session: ClientSession, room: str) -> bool:
        """Join a room; return whether that was possible now."""
        try:
            joined = await session.join(room)
        except REFUSED:
            return False
        self.recorder.joined(joined, session.nick, trio.current_time())
        return True

    async def _read_roster(self, session: ClientSession) -> None:
        now = trio.current_time()
        try:
            listed = await read_roster(session, HOME)
        except REFUSED:
            return
        nicks = frozenset(listed)
        self.history.roster_reads.append(
            RosterRead(self.name, HOME, now, nicks, repeated=tuple(repeated(listed)))
        )
