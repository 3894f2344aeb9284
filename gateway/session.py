"""What one user may do: a command comes in, effects go out."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
import trio

from gateway import answers, history, identity, nicknames, room_names, splicing, who, wire
from gateway.backplane import IdReused, NickTaken, Replaced, Unavailable
from gateway.claims import claim, enter
from gateway.closing import Closing
from gateway.flood import TokenBucket
from gateway.hub import Room
from gateway.inbox import NOTHING_MISSED, Inbox, Missed
from gateway.outbox import Outbox
from gateway.personal import Personal
from gateway.services import Services
from gateway.standing import Standing
from gateway.websocket import text_frame
from gateway.wire import CommandError

MOST_LISTED_ROOMS: Final = 500
_REMEMBERED_ANSWERS: Final = 16

log = structlog.get_logger("session")


class Session:
    """One client on one connection. Commands are handled one after the other, in order.

    ``nick`` is empty until `hello`. Whatever it may have claimed in Redis is noted in its standing
    before it is asked for, so that `end` parks it, or gives it back, wherever it was interrupted.
    """

    def __init__(
        self, services: Services, outbox: Outbox, close: Callable[[Closing], None]
    ) -> None:
        self._services = services
        self._outbox = outbox
        self._close = close
        self._secret = identity.new_secret()
        self.standing = Standing(identity.session_id(self._secret), close)
        self._personal = Personal(services.backplane, services.relay, self.sid)
        self._inbox: Inbox | None = None
        self._answered: dict[wire.AnyCommand, wire.Ok] = {}
        settings = services.settings
        self._flood = TokenBucket(
            burst=settings.flood_burst, rate=settings.flood_rate, now=trio.current_time()
        )

    @property
    def sid(self) -> str:
        """What others know the session by."""
        return self.standing.sid

    @property
    def nick(self) -> str:
        """The nickname; empty before `hello`."""
        return self.standing.nick

    def end(self, *, goodbye: bool = False) -> None:
        """Park the session; one that has said goodbye is given back. Synchronous; for the end."""
        if self._inbox is not None:
            self._services.relay.inboxes.close(self._inbox)
        if self._is_over:
            return
        if self.nick and not goodbye:
            self._services.standings.park(self.standing)
        else:
            self._services.standings.release(self.standing)

    @property
    def _is_over(self) -> bool:
        """Whether the session goes on over another connection, or not at all."""
        return self.standing.close is not self._close

    async def handle(self, data: str | bytes) -> None:
        """Carry out one frame from the client and answer it; never raises for what is in it."""
        self._services.metrics.counts.commands += 1
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
            self.standing.replaced(replaced.term)
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

    # --- the commands -------------------------------------------------------------------------

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
            self._services.standings.hold(self.standing)
            # Before anybody can find us by our nickname.
            self._inbox = self._services.relay.inboxes.open(self.sid, self._outbox)
            async with self._services.standings.claiming(self.standing):
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
                node=self._services.node,
                inbox=missed.position if command.resume else None,
                directs=splicing.as_directs(directs),
                recovered=recovered,
                limits=answers.limits(self._services.settings),
            )
        )
        if self._inbox is not None:
            self._services.relay.inboxes.begin(self._inbox, missed.position)

    async def _take_up(self, secret: str, since: wire.Position | None) -> Missed:
        standings = self._services.standings
        found = await standings.resume(identity.session_id(secret), self._close, since)
        if found is None:
            raise CommandError("unauthorized", "There is no such session; say hello with a nick.")
        standing, missed = found
        self._go_by(secret, standing)
        self._inbox = self._services.relay.inboxes.take_up(self.sid, self._outbox)
        self._services.metrics.counts.resumed += 1
        return missed

    def _choose(self, secret: str) -> None:
        """Go by a secret that the client made."""
        sid = identity.session_id(secret)
        if sid == self.sid:
            return
        if not self._services.standings.unknown([sid]):
            raise CommandError("unauthorized", "There is this session already; resume it.")
        standing = Standing(sid, self._close)
        self._services.standings.hold(standing)  # first: what cannot be held is nobody's
        self._go_by(secret, standing)

    def _go_by(self, secret: str, standing: Standing) -> None:
        """Be this session, not the one that an earlier hello may have claimed something for."""
        relay = self._services.relay
        if self._inbox is not None:
            relay.inboxes.close(self._inbox)
        if standing is not self.standing:
            self._services.standings.release(self.standing)
        self.standing, self._secret = standing, secret
        self._personal = Personal(self._services.backplane, relay, self.sid)

    async def _rename(self, command: wire.Nick) -> None:
        nick = self._checked(command.nick)
        await self._become(who.renamed(self.standing.who, nick))
        self._answer_once(command, wire.Named(id=command.id, nick=nick))

    async def _set_status(self, command: wire.SetStatus) -> None:
        await self._become(who.write(self.nick, command.state, command.text))
        self._answer_once(command, wire.Ok(id=command.id))

    async def _become(self, line: str) -> None:
        """Have another nickname or status, and tell all rooms."""
        async with self._services.standings.claiming(self.standing):
            try:
                if line != self.standing.who:
                    await self._claim(line)
                # Also if that was done by a command like this one whose answer was `unavailable`.
                await self._services.standings.join_again(self.standing)
            except (Unavailable, trio.Cancelled):
                # Who Redis says that we are now is unknown: settle it as the node has it.
                self._services.standings.settle(self.standing)
                raise

    def _checked(self, nick: str) -> str:
        return nicknames.check(nick, allow_unicode=self._services.settings.unicode_nicks)

    async def _claim(self, line: str) -> None:
        """Take the nickname that a line has and give up the one before it, for its status, too.

        For holders of the standing's claims.
        """
        try:
            await claim(self._services.backplane, self.standing, line, variants=nicknames.variants)
        except NickTaken as taken:
            suggestion = taken.free_variant
            message = f"The nickname {who.nick_of(line)} is taken" + (
                f"; {suggestion} is free." if suggestion else "."
            )
            raise CommandError("nick_taken", message, suggestion=suggestion) from None

    async def _join(self, command: wire.Join) -> None:
        name = room_names.check(command.room)
        services = self._services
        rooms = self.standing.joined
        if name not in rooms and len(rooms) >= services.settings.max_rooms:
            limit = services.settings.max_rooms
            raise CommandError("too_many_rooms", f"You are in {limit} rooms already.")
        async with services.relay.holding(name) as room:
            with services.standings.joining(self.standing, name):
                found = await enter(services.backplane, self.standing, name)
                services.relay.epoch_seen(room, found.epoch)
                await services.relay.learn_erasures(room, found.erasures)
                messages, recovered = await self._missed(room, command)
            if self._is_over:
                return
            # Nothing awaits from here on: the answer is true of the moment in which the live
            # messages begin, so none is missing between the two and none comes twice.
            room.add(self.sid, self._outbox)
            self._send(
                answers.joined(
                    room, self.standing, self._fitting(messages),
                    command_id=command.id, recovered=recovered,
                )
            )  # fmt: skip
            if command.since and (erased := history.erased_since(room, command.since)):
                self._send(erased)

    async def _missed(self, room: Room, command: wire.Join) -> tuple[list[bytes], bool | None]:
        """Give what a join is answered with, and whether it is all that was missed."""
        rooms = self._services.backplane.rooms
        if command.since is not None:
            await self._services.relay.come_as_far(room, command.since)
            missed = await history.all_missed(room, rooms, command.since, self.sid, self._outbox)
            if missed is not None:
                return missed, True
        newest = await history.newest(room, rooms, command.history)
        return newest, None if command.since is None else False

    def _fitting(self, messages: list[bytes]) -> list[bytes]:
        return history.newest_within(messages, self._services.settings.outbox_bytes // 2)

    async def _leave(self, command: wire.Leave) -> None:
        name = command.room
        if name not in self.standing.joined:
            self._joined(name)  # refuses
        rooms, relay = self._services.backplane.rooms, self._services.relay
        async with self._services.standings.claiming(self.standing):
            try:
                await rooms.leave(name, {self.sid: self.standing.term})
            except Unavailable:
                self._services.standings.settle(self.standing)  # it may be listed no more
                raise
            self.standing.joined.discard(name)
            relay.drop_member(name, self.sid)
        if name not in relay.rooms and not self._services.standings.is_listed_in(name):
            with contextlib.suppress(Unavailable):  # then it is a note too much, which harms nobody
                await rooms.left(name)
        self._answer_once(command, wire.Ok(id=command.id))

    async def _say(self, command: wire.Send) -> None:
        room = self._joined(command.room)
        began = time.perf_counter()
        tail = splicing.encode_message_tail(
            room=room.name, sender=self.nick, text=command.text, id=command.id
        )
        seq = await self._services.backplane.rooms.publish(
            room.name, self.sid, command.id, tail,
            term=self.standing.term, digest=splicing.digest_of(command.text),
        )  # fmt: skip
        room.acknowledge(seq, self._services.backplane.link.lineage)
        metrics = self._services.metrics
        metrics.counts.messages_in += 1
        metrics.publish_seconds.observe(time.perf_counter() - began)
        self._send(wire.Sent(id=command.id, seq=seq))

    async def _say_direct(self, command: wire.SendDirect) -> None:
        seq = await self._personal.direct(self.nick, command, term=self.standing.term)
        if self._inbox is not None:
            self._inbox.acknowledge(seq, self._services.backplane.link.lineage)
        self._services.metrics.counts.messages_in += 1
        self._send(wire.Sent(id=command.id, seq=seq))

    async def _note_typing(self, command: wire.NoteTyping) -> None:
        await self._personal.typing(self.nick, command)
        self._send(wire.Ok(id=command.id))

    async def _history(self, command: wire.History) -> None:
        room = self._joined(command.room)
        messages = await self._services.backplane.rooms.messages_before(
            room.name, command.before, command.limit + 1
        )
        newest = messages[-command.limit :] if command.limit else []
        page = self._fitting(room.erasures.conceal(newest))
        self._send(
            wire.HistoryPage(
                id=command.id,
                room=room.name,
                messages=splicing.as_messages(page),
                more=len(page) < len(messages),
            )
        )

    async def _members(self, command: wire.Members) -> None:
        await trio.lowlevel.checkpoint()
        roster = self._joined(command.room).roster
        members = [who.read(line) for line in roster.told()]
        self._send(
            wire.MemberList(
                id=command.id, room=command.room, version=roster.told_version, members=members
            )
        )

    async def _rooms(self, command: wire.Rooms) -> None:
        listing = await self._services.backplane.rooms.listing(MOST_LISTED_ROOMS, wire.LOBBY)
        rooms = [wire.RoomInfo(room=room, members=members) for room, members in listing]
        self._send(wire.RoomList(id=command.id, rooms=rooms))

    async def _ping(self, command: wire.Ping) -> None:
        await trio.lowlevel.checkpoint()
        self._send(wire.Ok(id=command.id))

    # --- answers ------------------------------------------------------------------------------

    def _joined(self, name: str) -> Room:
        return self._services.relay.joined(name, self.sid)

    def _send(self, frame: wire.Event) -> None:
        # What has no id asked for no answer; a welcome comes all the same.
        if not isinstance(frame, wire.Ok) or frame.id is not None:
            self._outbox.offer(text_frame(wire.encode(frame)))

    def _answer_once(self, command: wire.AnyCommand, answer: wire.Ok) -> None:
        """Answer a command that, done twice, would not be answered the same: remember it."""
        self._send(answer)
        if command.id is not None:
            self._answered[command] = answer
            if len(self._answered) > _REMEMBERED_ANSWERS:
                del self._answered[next(iter(self._answered))]

    def _refuse(self, error: CommandError, command_id: str | None) -> None:
        self._services.metrics.counts.refusals += 1
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
