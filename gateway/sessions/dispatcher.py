"""Carries out the commands of one connection, and answers them."""

from __future__ import annotations

import trio

from gateway import wire
from gateway.backplane import IdReused, Replaced, Unavailable
from gateway.net.write_buffer import WriteBuffer
from gateway.policy.rate_limits import TokenBucket
from gateway.sessions import answers
from gateway.sessions.commands.table import COMMANDS, UNREADABLE_COST, CommandRow
from gateway.sessions.context import NodeContext
from gateway.sessions.hello import Authentication
from gateway.sessions.record import ConnectionHandle
from gateway.sessions.session import Session
from gateway.wire import CommandError


class CommandDispatcher:
    """Carries out the commands of one connection, one after the other, in order.

    ``session`` is None until a hello has established one.
    """

    __slots__ = ("_context", "_flood", "_write_buffer", "authentication", "session")

    def __init__(
        self, context: NodeContext, write_buffer: WriteBuffer, connection: ConnectionHandle
    ) -> None:
        self._context = context
        self._write_buffer = write_buffer
        self.authentication = Authentication(context, write_buffer, connection)
        self.session: Session | None = None
        settings = context.settings
        self._flood = TokenBucket(
            burst=settings.flood_burst, rate=settings.flood_rate, now=trio.current_time()
        )

    def end(self, *, goodbye: bool = False) -> None:
        """Park the session, or release it after a ``goodbye``, when the connection ends."""
        if self.session is None:
            self.authentication.end()
        else:
            self.session.end(goodbye=goodbye)

    async def handle(self, data: str | bytes) -> None:
        """Carry out one frame from the client and answer it; never raises for what is in it."""
        self._context.metrics.counts.commands += 1
        command_id: str | None = None
        try:
            try:
                command = _decode(data)
            except wire.RefusedFrame as error:
                command_id = error.id
                self._limit_flood(UNREADABLE_COST)
                raise
            command_id = command.id
            row = COMMANDS[type(command)]
            self._limit_flood(row.cost)
            await self._carry_out(command, row)
        except CommandError as error:
            self._refuse(error, command_id)
        except IdReused:
            message = "You have said something else under this id; every message needs its own."
            self._refuse(CommandError("id_reused", message), command_id)
        except Replaced as replaced:
            if self.session is not None:
                self._context.registry.replaced(self.session.record, replaced.term)
        except Unavailable:
            message = "The server cannot do this right now; try again with the same id."
            self._refuse(CommandError("unavailable", message, retry_after=1.0), command_id)

    def _limit_flood(self, cost: float) -> None:
        wait = self._flood.take(trio.current_time(), cost)
        if wait:
            raise CommandError(
                "too_fast", "You are sending too fast.", retry_after=round(wait + 0.0005, 3)
            )

    async def _carry_out(self, command: wire.AnyCommand, row: CommandRow) -> None:
        if not row.needs_hello:
            await row.handler(self, command)
            return
        session = self.session
        if session is None:
            raise CommandError("unauthorized", "Say hello first.")
        if not session.is_attached():
            return  # the connection is being closed: the session was resumed over another one
        if row.permission not in session.permissions:
            raise CommandError("forbidden", "You are not permitted to do this.")
        if (remembered := session.answer_to(command)) is not None:
            session.send(remembered)
            return
        await row.handler(session, command)

    def _refuse(self, error: CommandError, command_id: str | None) -> None:
        self._context.metrics.counts.refusals += 1
        answers.send(
            self._write_buffer,
            wire.Error(
                id=command_id,
                code=error.code,
                message=error.message,
                retry_after=error.retry_after,
                suggestion=error.suggestion,
                reason=error.reason,
                until=error.until,
            ),
        )


def _decode(data: str | bytes) -> wire.AnyCommand:
    if isinstance(data, bytes):
        raise wire.RefusedFrame("bad_frame", "Frames are text, not binary.")
    return wire.decode_command(data)
