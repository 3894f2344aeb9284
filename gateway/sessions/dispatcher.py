"""Carries out the commands of one connection, and answers them."""

from __future__ import annotations

from typing import Final

import trio

from gateway import wire
from gateway.backplane import IdReused, Replaced, Unavailable, noting_effects
from gateway.net.write_buffer import WriteBuffer
from gateway.policy.rate_limits import TokenBucket
from gateway.sessions import answers
from gateway.sessions.commands.table import COMMANDS, UNREADABLE_COST, CommandRow
from gateway.sessions.context import NodeContext
from gateway.sessions.hello import Authentication
from gateway.sessions.record import ConnectionHandle
from gateway.sessions.refusals import too_fast
from gateway.sessions.session import Session
from gateway.wire import CommandError

_REMEMBERED_IDS: Final = 16
FRAMES_PER_TOKEN: Final = 5
"""Frames of any kind that a client may send for each token of flood control.

This counts what is no command, too: pings, pongs, fragments, and commands that are refused."""


class CommandDispatcher:
    """Carries out the commands of one connection, one after the other, in order.

    ``session`` is None until a hello has established one.
    """

    __slots__ = (
        "_connection", "_context", "_flood", "_frames", "_uncertain", "_write_buffer",
        "authentication", "session",
    )  # fmt: skip

    def __init__(
        self, context: NodeContext, write_buffer: WriteBuffer, connection: ConnectionHandle
    ) -> None:
        self._context = context
        self._write_buffer = write_buffer
        self.authentication = Authentication(context, write_buffer, connection)
        self.session: Session | None = None
        self._connection = connection
        settings, now = context.settings, trio.current_time()
        burst, rate = settings.flood_burst, settings.flood_rate
        self._flood = TokenBucket(burst=burst, rate=rate, now=now)
        self._frames = TokenBucket(
            burst=FRAMES_PER_TOKEN * burst, rate=FRAMES_PER_TOKEN * rate, now=now
        )
        self._uncertain: dict[str, None] = {}
        """The last ids under which a command may have been carried out, but was not answered ok."""

    def end(self, *, goodbye: bool = False) -> None:
        """Park the session, or release it after a ``goodbye``, when the connection ends."""
        if self.session is None:
            self.authentication.end()
        else:
            self.session.end(goodbye=goodbye)

    def pace(self, frames: int) -> float:
        """Count frames that have been read; return the seconds until more are to be read."""
        return self._frames.spend(trio.current_time(), frames)

    async def handle(self, data: str | bytes) -> Session | None:
        """Carry out one frame from the client and answer it; never raises for what is in it.

        :returns: the session after that, if there is one.
        """
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
            self._limit_flood(row.cost_for(self.session, command))
            await self._carry_out(command, row)
            if self._uncertain and command_id is not None:
                self._uncertain.pop(command_id, None)
        except CommandError as error:
            self._refuse(error, command_id)
        except IdReused:
            message = "You have said something else under this id; every message needs its own."
            self._refuse(CommandError("id_reused", message), command_id)
        except Replaced as replaced:
            if self.session is not None:
                self._context.registry.replaced(self.session.record, replaced.term)
        return self.session

    def _limit_flood(self, cost: float) -> None:
        wait = self._flood.take(trio.current_time(), cost)
        if wait:
            raise too_fast("You are sending too fast.", wait)

    async def _carry_out(self, command: wire.AnyCommand, row: CommandRow) -> None:
        """Carry out a command; :raises CommandError: also in place of `Unavailable`."""
        with noting_effects() as effects:
            try:
                await self._hand_over(command, row)
            except Unavailable as error:
                uncertain = effects.possible and not command.only_reads
                raise answers.unavailable(error, uncertain=uncertain) from error

    async def _hand_over(self, command: wire.AnyCommand, row: CommandRow) -> None:
        """Call the handler of a command, if it may be carried out."""
        if not row.needs_hello:
            await row.handler(self, command)
            return
        session = self.session
        if session is None:
            raise CommandError("unauthorized", "Say hello first.")
        if not session.is_attached():
            return  # the connection is being closed: the session was resumed over another one
        if row.permission not in session.permissions:
            raise CommandError("forbidden", "You need an account for this: register, or sign in.")
        if (remembered := session.answer_to(command)) is not None:
            session.send(remembered)
            return
        await row.handler(session, command)

    def _refuse(self, error: CommandError, command_id: str | None) -> None:
        counts = self._context.metrics.counts
        counts.refusals += 1
        counts.refused_commands[error.code] += 1
        remote = str(self._connection.client_address)
        nick = "" if self.session is None else self.session.nick
        self._context.bounded_log.info(
            "command refused", error.code, code=error.code, nick=nick, remote=remote
        )
        uncertain = error.uncertain or command_id in self._uncertain
        if uncertain and command_id is not None:
            self._uncertain[command_id] = None
            if len(self._uncertain) > _REMEMBERED_IDS:
                del self._uncertain[next(iter(self._uncertain))]
        answers.send(self._write_buffer, answers.refused(error, command_id, uncertain=uncertain))


def _decode(data: str | bytes) -> wire.AnyCommand:
    if isinstance(data, bytes):
        raise wire.RefusedFrame("bad_frame", "Frames are text, not binary.")
    return wire.decode_command(data)
