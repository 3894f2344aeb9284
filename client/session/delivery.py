"""Sending messages over any number of connections, each once and in order."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import trio

from client.errors import NotConfirmed, NotConnected
from client.events import Unsent
from client.i18n.texts import _
from client.session.connection import ClientConnection
from client.session.pending_sends import PendingSend, PendingSends, SendCommand
from gateway import wire
from gateway.wire import CommandError

SEND_SECONDS: Final = 30.0
"""Seconds after which a message that could not be sent fails."""

USUAL_PAUSE: Final = 1.0
"""Seconds before a command is sent again, where the server does not say."""

OkT = TypeVar("OkT", bound=wire.Ok)


class Delivery:
    """The messages of one session that are being sent.

    A message to a room waits until the room is joined on the current connection, because the answer
    to the join tells whether the message was delivered already.
    """

    def __init__(self) -> None:
        self._pending = PendingSends()
        self._connection: ClientConnection | None = None
        self._following: set[str] = set()
        self._present: set[str] = set()
        self._over: str | None = None
        self._changed = trio.lowlevel.ParkingLot()

    async def send(self, command: SendCommand) -> int:
        """Send a message and return its ``seq``; raises as `ClientSession.send`.

        What an attempt left uncertain stays so, whatever becomes of the next one, until an ``ok``.
        """
        deadline = trio.current_time() + SEND_SECONDS
        message = self._pending.put(command)
        try:
            with trio.move_on_at(deadline):
                message.seq = await self._deliver(message)
        finally:
            self._pending.drop(message)
            self._changed.unpark_all()
        if message.seq is not None:
            return message.seq
        if message.uncertain:
            late = _("not confirmed in {seconds:g} s: {problem}")
            raise NotConfirmed(late.format(seconds=SEND_SECONDS, problem=message.problem))
        late = _("not sent in {seconds:g} s: {problem}")
        raise NotConnected(late.format(seconds=SEND_SECONDS, problem=message.problem))

    async def _deliver(self, message: PendingSend) -> int:
        while True:
            connection = await self._wait_for_turn(message)
            if message.seq is not None:
                return message.seq
            if connection is None:
                reason = self._over or message.problem
                if message.uncertain:
                    raise NotConfirmed(reason, repeatable=False)
                raise NotConnected(reason)
            was_uncertain, message.uncertain = message.uncertain, True  # until it is answered
            try:
                return (await connection.ask(message.command, wire.Sent)).seq
            except NotConnected as error:
                message.uncertain = was_uncertain or isinstance(error, NotConfirmed)
                message.problem = str(error)
                if self._connection is connection:
                    self.disconnected()
            except CommandError as error:
                error.uncertain = message.uncertain = was_uncertain or error.uncertain
                if not error.temporary:
                    raise
                message.problem = error.message
                await trio.sleep(random.uniform(0.1, pause_after(error)))  # noqa: S311

    async def _wait_for_turn(self, message: PendingSend) -> ClientConnection | None:
        """Wait until a message may be sent; None if it was delivered or never will be."""
        await trio.lowlevel.checkpoint()
        while message.seq is None and self._over is None and not message.abandoned:
            may_go = self._is_open_to(message.command) and self._pending.is_due(message)
            if self._connection is not None and may_go:
                return self._connection
            await self._changed.park()
        return None

    def _is_open_to(self, command: SendCommand) -> bool:
        if isinstance(command, wire.SendDirect):
            return True
        # The server refuses what goes to a room that was never joined.
        return command.room in self._present or command.room not in self._following

    # --- what happens in the session ----------------------------------------------------------

    def connected(self, connection: ClientConnection, *, resumed: bool) -> None:
        """Send over this connection, to each room once it is joined.

        ``resumed`` is whether the server recognises what was sent before, if it is sent again.
        """
        if not resumed:
            self.new_sender()
        self._connection = connection
        self._changed.unpark_all()

    def new_sender(self) -> None:
        """Note that the server does not recognise any more what was sent before."""
        self._pending.begin_anew()

    @property
    def unsent(self) -> tuple[Unsent, ...]:
        """The messages that are not acknowledged, those of each room and person in order."""
        return tuple(Unsent(each.command, each.uncertain) for each in self._pending.all)

    def disconnected(self) -> None:
        """Hold all messages until there is another connection."""
        self._connection = None
        self._present.clear()

    def joined(self, joined: wire.Joined, me: str) -> None:
        """Apply the answer to a join: own messages in it were delivered."""
        self._following.add(joined.room)
        self._present.add(joined.room)
        self._pending.heard(joined.messages, me)
        self._changed.unpark_all()

    def heard(self, message: wire.Message | wire.DirectMessage, me: str) -> None:
        """Apply a message from the server: an own one was delivered."""
        if self._pending.heard((message,), me):
            self._changed.unpark_all()

    def left(self, room: str) -> None:
        """Forget a room, so that the server refuses what is sent to it."""
        self._following.discard(room)
        self._present.discard(room)
        self._changed.unpark_all()

    def end(self, reason: str) -> None:
        """Fail all messages: there will be no connection any more."""
        self._over = self._over or reason
        self._changed.unpark_all()


def pause_after(refusal: CommandError) -> float:
    """Return the seconds to wait after a temporary refusal."""
    return refusal.retry_after or USUAL_PAUSE


async def insist(ask: Callable[[], Awaitable[object]]) -> CommandError | None:
    """Ask until the answer is not a temporary refusal; return any other refusal.

    Returns None on success, and without a connection: the next one begins by asking all this again.
    """
    while True:
        try:
            await ask()
        except CommandError as error:
            if not error.temporary:
                return error
            await trio.sleep(pause_after(error))
        except NotConnected:
            return None
        else:
            return None


async def settle(ask: Callable[[], Awaitable[OkT]]) -> OkT:
    """Ask until it is certain whether a command was carried out, and return the answer.

    ``ask`` sends the command, each time with the same id.

    :raises CommandError: if it was refused; ``uncertain`` if it may have been carried out before.
    :raises NotConfirmed: if that is not certain after `SEND_SECONDS`, or the connection was lost.
    :raises NotConnected: if there is no connection.
    """
    refusal: CommandError | None = None
    with trio.move_on_after(SEND_SECONDS):
        while True:
            try:
                return await ask()
            except CommandError as error:
                error.uncertain = error.uncertain or refusal is not None
                if not (error.uncertain and error.temporary):
                    raise
                refusal = error
            except NotConnected as error:
                if refusal is None:
                    raise
                raise NotConfirmed(str(error)) from None
            await trio.sleep(pause_after(refusal))
    raise NotConfirmed(_("no answer") if refusal is None else refusal.message)
