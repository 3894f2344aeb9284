"""What one user may do: a command comes in, effects go out."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog
import trio

from gateway import history, nicknames, splicing, who, wire
from gateway.backplane import Backplane, NickTaken, Unavailable
from gateway.closing import Closing
from gateway.config import Settings
from gateway.flood import TokenBucket
from gateway.hub import Room
from gateway.inbox import Inbox
from gateway.lease import Lease
from gateway.metrics import Metrics
from gateway.outbox import Outbox
from gateway.personal import Personal
from gateway.relay import Relay
from gateway.websocket import text_frame
from gateway.wire import CommandError

MOST_LISTED_ROOMS: Final = 500
_REMEMBERED_ANSWERS: Final = 16

log = structlog.get_logger("session")


@dataclass(frozen=True)
class Services:
    """What every session of a node works with."""

    settings: Settings
    node: str
    backplane: Backplane
    relay: Relay
    lease: Lease
    metrics: Metrics
    why_not_ready: Callable[[], str | None]


class Session:
    """One client on one connection. Commands are handled one after the other, in order.

    ``nick`` is empty until `hello`. Whatever it may have claimed in Redis is noted before it is
    asked for, so that `end` gives it back wherever the session was interrupted.
    """

    def __init__(
        self,
        services: Services,
        sid: str,
        outbox: Outbox,
        close: Callable[[Closing], None],
    ) -> None:
        self._services = services
        self._outbox = outbox
        self.close = close
        self.sid = sid
        self.nick = ""
        self._status: tuple[wire.State, str] = ("online", "")
        self._personal = Personal(services.backplane, services.relay, sid)
        self._inbox: Inbox | None = None
        self.rooms: set[str] = set()
        self._nicks_claimed: set[str] = set()
        self._claims = trio.Lock()
        self._over = trio.Event()
        self._answered: dict[tuple[str, str], wire.Ok] = {}
        settings = services.settings
        self._flood = TokenBucket(
            burst=settings.flood_burst, rate=settings.flood_rate, now=trio.current_time()
        )

    def end(self) -> None:
        """Leave everything, and give back what was claimed. Synchronous; for the very end."""
        self._over.set()
        for name in self.rooms:
            self._leave_here(name)
        if self._inbox is not None:
            self._services.relay.inboxes.close(self._inbox)
        if self._nicks_claimed:
            self._services.lease.release(self.sid, self._nicks_claimed, self.rooms)

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
        key = (type(command).__name__, command.id or "")
        if (remembered := self._answered.get(key)) is not None:
            self._send(remembered)
            return
        await self._handlers[type(command)](self, command)

    # --- the commands -------------------------------------------------------------------------

    async def _hello(self, command: wire.Hello) -> None:
        if self.nick:
            raise CommandError("bad_frame", "You have said hello already.")
        nick = self._checked(command.nick)
        inboxes = self._services.relay.inboxes
        # Before anybody can find us by our nickname.
        inbox = self._inbox = inboxes.open(self.sid, self._outbox)
        async with self._claims:
            await self._claim(nick)
        self._services.lease.hold(self)
        settings = self._services.settings
        self._send(
            wire.Welcome(
                id=command.id,
                nick=nick,
                node=self._services.node,
                limits=wire.Limits(
                    frame_bytes=wire.MAX_FRAME_BYTES,
                    text_bytes=wire.MAX_TEXT_BYTES,
                    rooms=settings.max_rooms,
                    history=wire.MAX_HISTORY,
                    flood_burst=settings.flood_burst,
                    flood_rate=settings.flood_rate,
                ),
            )
        )
        inboxes.begin(inbox)

    async def _rename(self, command: wire.Nick) -> None:
        nick = self._checked(command.nick)
        async with self._claims:
            if nick != self.nick:
                await self._claim(nick)
            # Also if that was done by a command like this one whose answer was `unavailable`.
            await self._join_again()
        self._answer_once(command, wire.Named(id=command.id, nick=nick))

    async def _set_status(self, command: wire.SetStatus) -> None:
        async with self._claims:
            self._status = command.state, command.text
            await self._claim(self.nick)
            await self._join_again()
        self._answer_once(command, wire.Ok(id=command.id))

    @property
    def who(self) -> str:
        """Who this is to others (`gateway.who`)."""
        return who.write(self.nick, *self._status)

    def _checked(self, nick: str) -> str:
        return nicknames.check(nick, allow_unicode=self._services.settings.unicode_nicks)

    async def _claim(self, nick: str) -> None:
        """Take a nickname and give up the one before it; for holders of ``_claims``."""
        self._nicks_claimed.add(nick)
        try:
            await self._services.backplane.nicks.claim(
                who.write(nick, *self._status),
                self.sid,
                giving_up=self._nicks_claimed - {nick},
                variants=nicknames.variants,
            )
        except NickTaken as taken:
            self._nicks_claimed.discard(nick)
            suggestion = taken.free_variant
            message = f"The nickname {nick} is taken" + (
                f"; {suggestion} is free." if suggestion else "."
            )
            raise CommandError("nick_taken", message, suggestion=suggestion) from None
        except Unavailable:
            # Which of the two names Redis holds for us now is unknown: settle it as it comes back.
            self._services.lease.settle(self)
            raise
        self.nick = nick
        self._nicks_claimed = {nick}

    async def reclaim(self) -> None:
        """Claim again what this session holds, after Redis may have forgotten or misunderstood.

        :raises NickTaken: if the nickname has another owner now.
        :raises Unavailable: if Redis does not answer.
        """
        async with self._claims:
            if self._over.is_set():
                return
            try:
                given_up = self._nicks_claimed - {self.nick}
                await self._services.backplane.nicks.claim(self.who, self.sid, giving_up=given_up)
                self._nicks_claimed = {self.nick}
                await self._join_again()
            finally:
                if self._over.is_set():
                    # The session was released before all this was claimed.
                    self._services.lease.release(self.sid, {self.nick}, self.rooms)

    async def _join_again(self) -> None:
        for room in sorted(self.rooms):
            await self._services.backplane.rooms.join(room, self.sid, self.who)

    async def _join(self, command: wire.Join) -> None:
        name = _checked_room(command.room)
        services = self._services
        if name not in self.rooms and len(self.rooms) >= services.settings.max_rooms:
            limit = services.settings.max_rooms
            raise CommandError("too_many_rooms", f"You are in {limit} rooms already.")
        async with services.relay.holding(name) as room:
            self.rooms.add(name)
            epoch = await services.backplane.rooms.join(name, self.sid, self.who)
            services.relay.epoch_seen(room, epoch)
            missed = None
            if command.since is not None:
                missed = await history.missed(room, services.backplane.rooms, command.since)
            if missed is None:
                missed = await history.newest(room, services.backplane.rooms, command.history)
                recovered = None if command.since is None else False
            else:
                recovered = True
            # Nothing awaits from here on: the answer is true of the moment in which the live
            # messages begin, so none is missing between the two and none comes twice.
            room.add(self.sid, self._outbox)
            self._answer_join(command, room, missed, recovered=recovered)

    def _answer_join(
        self, command: wire.Join, room: Room, messages: list[bytes], *, recovered: bool | None
    ) -> None:
        fitting = self._fitting(messages)
        if recovered and len(fitting) < len(messages):
            recovered = False
        roster = room.roster
        # Whoever joins is told of next; the answer has them already.
        newcomer = who.read(self.who) if roster.introduce(self.sid, self.who) else None
        self._send(
            wire.Joined(
                id=command.id,
                room=room.name,
                epoch=room.epoch,
                seq=room.position,
                version=roster.told_version,
                count=roster.count() + (newcomer is not None),
                members=splicing.as_members(roster.listing(), newcomer),
                messages=splicing.as_messages(fitting),
                recovered=recovered,
            )
        )

    def _fitting(self, messages: list[bytes]) -> list[bytes]:
        """Give the newest messages that together take up at most half of the outbox."""
        room_left = self._services.settings.outbox_bytes // 2
        for index in range(len(messages) - 1, -1, -1):
            room_left -= len(messages[index]) + 1
            if room_left < 0:
                return messages[index + 1 :]
        return messages

    async def _leave(self, command: wire.Leave) -> None:
        name = command.room
        if name not in self.rooms:
            self._joined(name)  # refuses
        rooms = self._services.backplane.rooms
        async with self._claims:
            await rooms.leave(name, self.sid)
            self._leave_here(name)
            self.rooms.discard(name)
        if name not in self._services.relay.rooms:
            with contextlib.suppress(Unavailable):  # then it is a note too much, which harms nobody
                await rooms.left(name)
        self._answer_once(command, wire.Ok(id=command.id))

    def _leave_here(self, name: str) -> None:
        room = self._services.relay.rooms.get(name)
        if room is not None:
            room.remove(self.sid)
            room.roster.forget(self.sid)
            self._services.relay.close_if_unused(room)

    async def _say(self, command: wire.Send) -> None:
        room = self._joined(command.room)
        began = time.perf_counter()
        tail = splicing.encode_message_tail(
            room=room.name, sender=self.nick, text=command.text, id=command.id
        )
        seq = await self._services.backplane.rooms.publish(room.name, self.sid, command.id, tail)
        metrics = self._services.metrics
        metrics.counts.messages_in += 1
        metrics.publish_seconds.observe(time.perf_counter() - began)
        self._send(wire.Sent(id=command.id, seq=seq))

    async def _say_direct(self, command: wire.SendDirect) -> None:
        seq = await self._personal.direct(self.nick, command)
        self._services.metrics.counts.messages_in += 1
        self._send(wire.Sent(id=command.id, seq=seq))

    async def _note_typing(self, command: wire.NoteTyping) -> None:
        await self._personal.typing(self.nick, command)
        self._send(wire.Ok(id=command.id))

    async def _history(self, command: wire.History) -> None:
        name = self._joined(command.room).name
        messages = await self._services.backplane.rooms.messages_before(
            name, command.before, command.limit + 1
        )
        page = self._fitting(messages[-command.limit :] if command.limit else [])
        self._send(
            wire.HistoryPage(
                id=command.id,
                room=name,
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
        listing = dict(await self._services.backplane.rooms.listing(MOST_LISTED_ROOMS))
        listing.setdefault(wire.LOBBY, 0)
        fullest_first = sorted(listing.items(), key=lambda item: (-item[1], item[0]))
        rooms = [wire.RoomInfo(room=room, members=members) for room, members in fullest_first]
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

    def _answer_once(self, command: wire.Command, answer: wire.Ok) -> None:
        """Answer a command that, done twice, would not be answered the same: remember it."""
        self._send(answer)
        if command.id is not None:
            self._answered[type(command).__name__, command.id] = answer
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


def _checked_room(name: str) -> str:
    if not 1 <= len(name) <= wire.MAX_ROOM_CHARS:
        raise CommandError("bad_room", f"A room's name has 1 to {wire.MAX_ROOM_CHARS} characters.")
    if not name.isprintable() or " " in name:
        raise CommandError("bad_room", "A room's name has no spaces and no invisible characters.")
    return name


def _id_of(data: str | bytes) -> str | None:
    return wire.readable_id(data) if isinstance(data, str) else None
