"""Sending messages over whatever connections there are, each once and in order."""

from __future__ import annotations

import random
from typing import Final

import trio

from client.connection import Connection, ConnectionLost
from client.outbox import Outbox, Unsent
from gateway import wire
from gateway.wire import CommandError

SEND_SECONDS: Final = 30.0
"""How long a message is tried to be sent, over any number of connections."""
PASSING: Final = frozenset({"unavailable", "too_fast"})
"""Refusals after which the same may be asked again."""


class Delivery:
    """The messages of one session on their way, and what it knows of the rooms they go to.

    A message waits until its room is joined on the present connection, so that what the join
    brings tells whether it was delivered already.
    """

    def __init__(self) -> None:
        self._outbox = Outbox()
        self._connection: Connection | None = None
        self._following: set[str] = set()
        self._present: set[str] = set()
        self._over: str | None = None
        self._changed = trio.lowlevel.ParkingLot()

    async def send(self, room: str, message_id: str, text: str) -> int:
        """Send a message and give its ``seq``; raises as `Session.send`."""
        deadline = trio.current_time() + SEND_SECONDS
        return await self._send(self._outbox.put(room, message_id, text, deadline))

    async def direct(self, to: str, message_id: str, text: str) -> int:
        """Send a message to one person, as `send`."""
        deadline = trio.current_time() + SEND_SECONDS
        return await self._send(self._outbox.put_direct(to, message_id, text, deadline))

    async def _send(self, message: Unsent) -> int:
        try:
            with trio.move_on_at(message.deadline):
                return await self._deliver(message)
        finally:
            self._outbox.drop(message)
            self._changed.unpark_all()
        if message.seq is not None:
            return message.seq
        raise ConnectionLost(f"not sent in {SEND_SECONDS:g} s: {message.problem}")

    async def _deliver(self, message: Unsent) -> int:
        while True:
            connection = await self._wait_for_turn(message)
            if message.seq is not None:
                return message.seq
            if connection is None:
                raise ConnectionLost(self._over or message.problem)
            try:
                return (await connection.ask(_command(message), wire.Sent)).seq
            except ConnectionLost as error:
                message.problem = str(error)
                self._present.discard(message.room)
                if self._connection is connection:
                    self.disconnected()
            except CommandError as error:
                if error.code not in PASSING:
                    raise
                message.problem = error.message
                await trio.sleep(random.uniform(0.1, error.retry_after or 1.0))  # noqa: S311

    async def _wait_for_turn(self, message: Unsent) -> Connection | None:
        """Wait until a message may be sent; None if it was delivered, or will never be."""
        await trio.lowlevel.checkpoint()
        while message.seq is None and self._over is None:
            # The server refuses what goes to a room that was never joined.
            joined = message.room in self._present or message.room not in self._following
            if self._connection is not None and joined and self._outbox.is_due(message):
                return self._connection
            await self._changed.park()
        return None

    # --- what the session learns --------------------------------------------------------------

    def connected(self, connection: Connection) -> None:
        """Send over this connection, to each room once it is joined."""
        self._connection = connection
        self._changed.unpark_all()

    def disconnected(self) -> None:
        """Keep what is said until there is another connection."""
        self._connection = None
        self._present.clear()

    def joined(self, joined: wire.Joined, me: str) -> None:
        """Take the answer to a join: what it brings of one's own was delivered."""
        self._following.add(joined.room)
        self._present.add(joined.room)
        self._outbox.heard(joined.messages, me)
        self._changed.unpark_all()

    def heard(self, message: wire.Message, me: str) -> None:
        """Take a message of a joined room; one's own was delivered."""
        if message.sender == me and self._outbox.heard((message,), me):
            self._changed.unpark_all()

    def left(self, room: str) -> None:
        """Let the server refuse what is said in a room that is followed no more."""
        self._following.discard(room)
        self._present.discard(room)
        self._changed.unpark_all()

    def end(self, reason: str) -> None:
        """Give up all that is not sent: there will be no connection any more."""
        self._over = self._over or reason
        self._changed.unpark_all()


def _command(message: Unsent) -> wire.Send | wire.SendDirect:
    if message.to is None:
        return wire.Send(id=message.id, room=message.room, text=message.text)
    return wire.SendDirect(id=message.id, to=message.to, text=message.text)
