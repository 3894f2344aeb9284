"""What one user may do: a command comes in, effects go out."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
import trio

from gateway import wire
from gateway.auth import session_secrets
from gateway.backplane import IdReused, NickTaken, Replaced, Unavailable, member_line, payloads
from gateway.delivery import history
from gateway.delivery.inbox import NOTHING_MISSED, Inbox, Missed
from gateway.delivery.room import Room
from gateway.net.websocket import text_frame
from gateway.net.write_buffer import WriteBuffer
from gateway.policy import nicknames, room_names
from gateway.policy.rate_limits import TokenBucket
from gateway.sessions import answers
from gateway.sessions.claims import claim, enter
from gateway.sessions.context import NodeContext
from gateway.sessions.direct_messages import DirectMessages
from gateway.sessions.record import SessionRecord
from gateway.wire import CommandError
from gateway.wire.close_codes import Close

MOST_LISTED_ROOMS: Final = 500
_REMEMBERED_ANSWERS: Final = 16

log = structlog.get_logger("session")


class Session:
    """One client on one connection. Commands are handled one after the other, in order.

    ``nick`` is empty until `hello`. Whatever it may have claimed in Redis is noted in its record
    before it is asked for, so that `end` parks it, or gives it back, wherever it was interrupted.
    """

    def __init__(
        self, context: NodeContext, write_buffer: WriteBuffer, close: Callable[[Close], None]
    ) -> None:
        self._context = context
        self._outbox = write_buffer
        self._close = close
        self._secret = session_secrets.new_secret()
        self.record = SessionRecord(session_secrets.session_id(self._secret), close)
        self._direct_messages = DirectMessages(context.backplane, context.relay, self.sid)
        self._inbox: Inbox | None = None
        self._answered: dict[wire.AnyCommand, wire.Ok] = {}
        settings = context.settings
        self._flood = TokenBucket(
            burst=settings.flood_burst, rate=settings.flood_rate, now=trio.current_time()
        )

    @property
    def sid(self) -> str:
        """What others know the session by."""
        return self.record.sid

    @property
    def nick(self) -> str:
        """The nickname; empty before `hello`."""
        return self.record.nick

    def end(self, *, goodbye: bool = False) -> None:
        """Park the session; one that has said goodbye is given back. Synchronous; for the end."""
        if self._inbox is not None:
            self._context.relay.inboxes.close(self._inbox)
        if self._is_over:
            return
        if self.nick and not goodbye:
            self._context.registry.park(self.record)
        else:
            self._context.registry.release(self.record)

    @property
    def _is_over(self) -> bool:
        """Whether the session goes on over another connection, or not at all."""
        return self.record.close is not self._close

    async def handle(self, data: str | bytes) -> None:
        """Carry out one frame from the client and answer it; never raises for what is in it."""
        self._context.metrics.counts.commands += 1
        command_id: str | None = None
        try:
            self._limit_flood()
            if isinstance(data, bytes):
                raise CommandError("bad_frame", "Frames are text, not binary.")  # noqa: TRY301
            command = wire.decode_command(data)
            command_id = command.id
            await self._carry_out(command)
        except wire.RefusedFrame as error:
            self._refuse(error, error.id)
        except CommandError as error:
            self._refuse(error, command_id or _id_of(data))
        except IdReused:
            message = "You have said something else under this id; every message needs its own."
            self._refuse(CommandError("id_reused", message), command_id)
        except Replaced as replaced:
            self.record.replaced(replaced.term)
        except Unavailable:
            message = "The server cannot do this right now; try again with the same id."
            self._refuse(CommandError("unavailable", message, retry_after=1.0), command_id)

    def _limit_flood(self) -> None:
        wait = self._flood.take(trio.current_time())
        if wait:
            raise CommandError(
                "too_fast", "You are sending too fast.", retry_after=round(wait + 0.0005, 3)
            )

    async def _carry_out(self, command: wire.AnyCommand) -> None:
        if not self.nick and type(command) is not wire.Hello:
            raise CommandError("unauthorized", "Say hello first.")
        if self._answered and (remembered := self._answered.get(command)) is not None:
            self._send(remembered)
            return
        await self._handlers[type(command)](self, command)

    async def _hello(self, command: wire.Hello) -> None:
        if self.nick:
            raise CommandError("bad_frame", "You have said hello already.")
        missed = NOTHING_MISSED
        if command.resume is not None:
            missed = await self._take_up(command.resume, command.inbox)
        elif command.nick is not None:
            nick = self._checked(command.nick)
            if command.session is not None:
                self._choose(command.session)
            self._context.registry.hold(self.record)
            # Before anybody can find us by our nickname.
            self._inbox = self._context.relay.inboxes.open(self.sid, self._outbox)
            async with self._context.registry.claiming(self.record):
                await self._claim(nick)
        self._welcome(command, missed)

    def _welcome(self, command: wire.Hello, missed: Missed) -> None:
        """Answer a hello, with the direct messages missed; live ones follow."""
        directs = self._fitting(missed.messages)
        recovered = missed.recovered and len(directs) == len(missed.messages)
        self._send(
            wire.Welcome(
                id=command.id,
                session=self._secret,
                resumed=command.resume is not None,
                nick=self.nick,
                node=self._context.node,
                inbox=missed.position if command.resume else None,
                directs=payloads.as_directs(directs),
                recovered=recovered,
                limits=answers.limits(self._context.settings),
            )
        )
        if self._inbox is not None:
            self._context.relay.inboxes.begin(self._inbox, missed.position)

    async def _take_up(self, secret: str, since: wire.Position | None) -> Missed:
        registry = self._context.registry
        found = await registry.resume(session_secrets.session_id(secret), self._close, since)
        if found is None:
            raise CommandError("unauthorized", "There is no such session; say hello with a nick.")
        record, missed = found
        self._go_by(secret, record)
        self._inbox = self._context.relay.inboxes.take_up(self.sid, self._outbox)
        self._context.metrics.counts.resumed += 1
        return missed

    def _choose(self, secret: str) -> None:
        """Go by a secret that the client made."""
        sid = session_secrets.session_id(secret)
        if sid == self.sid:
            return
        if not self._context.registry.unknown([sid]):
            raise CommandError("unauthorized", "There is this session already; resume it.")
        record = SessionRecord(sid, self._close)
        self._context.registry.hold(record)  # first: what cannot be held is nobody's
        self._go_by(secret, record)

    def _go_by(self, secret: str, record: SessionRecord) -> None:
        """Be this session, not the one that an earlier hello may have claimed something for."""
        relay = self._context.relay
        if self._inbox is not None:
            relay.inboxes.close(self._inbox)
        if record is not self.record:
            self._context.registry.release(self.record)
        self.record, self._secret = record, secret
        self._direct_messages = DirectMessages(self._context.backplane, relay, self.sid)

    async def _rename(self, command: wire.Nick) -> None:
        nick = self._checked(command.nick)
        await self._become(member_line.renamed(self.record.who, nick))
        self._answer_once(command, wire.Named(id=command.id, nick=nick))

    async def _set_status(self, command: wire.SetStatus) -> None:
        await self._become(member_line.write(self.nick, command.state, command.text))
        self._answer_once(command, wire.Ok(id=command.id))

    async def _become(self, line: str) -> None:
        """Have another nickname or status, and tell all rooms."""
        async with self._context.registry.claiming(self.record):
            try:
                if line != self.record.who:
                    await self._claim(line)
                # Also if that was done by a command like this one whose answer was `unavailable`.
                await self._context.registry.join_again(self.record)
            except (Unavailable, trio.Cancelled):
                # Who Redis says that we are now is unknown: settle it as the node has it.
                self._context.registry.settle(self.record)
                raise

    def _checked(self, nick: str) -> str:
        return nicknames.check(nick, allow_unicode=self._context.settings.unicode_nicks)

    async def _claim(self, line: str) -> None:
        """Take the nickname that a line has and give up the one before it, for its status, too.

        For holders of the record's claims.
        """
        try:
            await claim(self._context.backplane, self.record, line, variants=nicknames.variants)
        except NickTaken as taken:
            suggestion = taken.free_variant
            message = f"The nickname {member_line.nick_of(line)} is taken" + (
                f"; {suggestion} is free." if suggestion else "."
            )
            raise CommandError("nick_taken", message, suggestion=suggestion) from None

    async def _join(self, command: wire.Join) -> None:
        name = room_names.check(command.room)
        context = self._context
        rooms = self.record.joined
        if name not in rooms and len(rooms) >= context.settings.max_rooms:
            limit = context.settings.max_rooms
            raise CommandError("too_many_rooms", f"You are in {limit} rooms already.")
        async with context.relay.holding(name) as room:
            with context.registry.joining(self.record, name):
                found = await enter(context.backplane, self.record, name)
                context.relay.epoch_seen(room, found.epoch)
                await context.relay.learn_erasures(room, found.erasures)
                messages, recovered = await self._missed(room, command)
            if self._is_over:
                return
            # Nothing awaits from here on: the answer is true of the moment in which the live
            # messages begin, so none is missing between the two and none comes twice.
            room.add(self.sid, self._outbox)
            self._send(
                answers.joined(
                    room, self.record, self._fitting(messages),
                    command_id=command.id, recovered=recovered,
                )
            )  # fmt: skip
            if command.since and (erased := history.erased_since(room, command.since)):
                self._send(erased)

    async def _missed(self, room: Room, command: wire.Join) -> tuple[list[bytes], bool | None]:
        """Give what a join is answered with, and whether it is all that was missed."""
        rooms = self._context.backplane.rooms
        if command.since is not None:
            await self._context.relay.come_as_far(room, command.since)
            missed = await history.all_missed(room, rooms, command.since, self.sid, self._outbox)
            if missed is not None:
                return missed, True
        newest = await history.newest(room, rooms, command.history)
        return newest, None if command.since is None else False

    def _fitting(self, messages: list[bytes]) -> list[bytes]:
        return history.newest_within(messages, self._context.settings.outbox_bytes // 2)

    async def _leave(self, command: wire.Leave) -> None:
        name = command.room
        if name not in self.record.joined:
            self._joined(name)  # refuses
        rooms, relay = self._context.backplane.rooms, self._context.relay
        async with self._context.registry.claiming(self.record):
            try:
                await rooms.leave(name, {self.sid: self.record.term})
            except Unavailable:
                self._context.registry.settle(self.record)  # it may be listed no more
                raise
            self.record.joined.discard(name)
            relay.drop_member(name, self.sid)
        if name not in relay.rooms and not self._context.registry.is_listed_in(name):
            with contextlib.suppress(Unavailable):  # then it is a note too much, which harms nobody
                await rooms.unregister(name)
        self._answer_once(command, wire.Ok(id=command.id))

    async def _say(self, command: wire.Send) -> None:
        room = self._joined(command.room)
        began = trio.current_time()
        tail = payloads.encode_message_tail(
            room=room.name, sender=self.nick, text=command.text, id=command.id
        )
        seq = await self._context.backplane.rooms.publish(
            room.name, self.sid, command.id, tail,
            term=self.record.term, digest=payloads.digest_of(command.text),
        )  # fmt: skip
        room.acknowledge(seq, self._context.backplane.replication_id)
        metrics = self._context.metrics
        metrics.counts.messages_in += 1
        metrics.publish_seconds.observe(trio.current_time() - began)
        self._send(wire.Sent(id=command.id, seq=seq))

    async def _say_direct(self, command: wire.SendDirect) -> None:
        seq = await self._direct_messages.direct(self.nick, command, term=self.record.term)
        if self._inbox is not None:
            self._inbox.acknowledge(seq, self._context.backplane.replication_id)
        self._context.metrics.counts.messages_in += 1
        self._send(wire.Sent(id=command.id, seq=seq))

    async def _note_typing(self, command: wire.NoteTyping) -> None:
        await self._direct_messages.typing(self.nick, command)
        self._send(wire.Ok(id=command.id))

    async def _history(self, command: wire.History) -> None:
        room = self._joined(command.room)
        messages = await self._context.backplane.rooms.messages_before(
            room.name, command.before, command.limit + 1
        )
        newest = messages[-command.limit :] if command.limit else []
        page = self._fitting(room.erasures.conceal(newest))
        self._send(
            wire.HistoryPage(
                id=command.id,
                room=room.name,
                messages=payloads.as_messages(page),
                more=len(page) < len(messages),
            )
        )

    async def _members(self, command: wire.Members) -> None:
        await trio.lowlevel.checkpoint()
        roster = self._joined(command.room).roster
        members = [member_line.read(line) for line in roster.told()]
        self._send(
            wire.MemberList(
                id=command.id, room=command.room, version=roster.told_version, members=members
            )
        )

    async def _rooms(self, command: wire.Rooms) -> None:
        listing = await self._context.backplane.rooms.listing(MOST_LISTED_ROOMS, wire.LOBBY)
        rooms = [wire.RoomInfo(room=room, members=members) for room, members in listing]
        self._send(wire.RoomList(id=command.id, rooms=rooms))

    async def _ping(self, command: wire.Ping) -> None:
        await trio.lowlevel.checkpoint()
        self._send(wire.Ok(id=command.id))

    def _joined(self, name: str) -> Room:
        return self._context.relay.joined(name, self.sid)

    def _send(self, frame: wire.Event) -> None:
        # What has no id asked for no answer; a welcome comes all the same.
        if not isinstance(frame, wire.Ok) or frame.id is not None:
            self._outbox.write(text_frame(wire.encode(frame)))

    def _answer_once(self, command: wire.AnyCommand, answer: wire.Ok) -> None:
        """Answer a command that, done twice, would not be answered the same: remember it."""
        self._send(answer)
        if command.id is not None:
            self._answered[command] = answer
            if len(self._answered) > _REMEMBERED_ANSWERS:
                del self._answered[next(iter(self._answered))]

    def _refuse(self, error: CommandError, command_id: str | None) -> None:
        self._context.metrics.counts.refusals += 1
        self._send(
            wire.Error(
                id=command_id,
                code=error.code,
                message=error.message,
                retry_after=error.retry_after,
                suggestion=error.suggestion,
            )
        )

    _handlers: Final[dict[type[wire.AnyCommand], Callable[[Session, Any], Awaitable[None]]]] = {
        wire.Hello: _hello,
        wire.Join: _join,
        wire.Leave: _leave,
        wire.Send: _say,
        wire.SendDirect: _say_direct,
        wire.SetStatus: _set_status,
        wire.NoteTyping: _note_typing,
        wire.History: _history,
        wire.Members: _members,
        wire.Nick: _rename,
        wire.Rooms: _rooms,
        wire.Ping: _ping,
    }


def _id_of(data: str | bytes) -> str | None:
    return wire.readable_id(data) if isinstance(data, str) else None
