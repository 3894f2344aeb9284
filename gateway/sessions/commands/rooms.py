"""Commands about rooms: join, leave, members, the list of rooms."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import trio

from gateway import wire
from gateway.backplane import LooksAlike, Unavailable, payloads
from gateway.backplane.account_events import JoinedEvent, LeftEvent
from gateway.delivery import history
from gateway.delivery.room import Room
from gateway.net import shares
from gateway.policy import room_names
from gateway.policy.room_names import RoomName
from gateway.policy.storage import Shortage
from gateway.sessions import answers
from gateway.sessions.claims import enter
from gateway.sessions.refusals import check_memory, too_fast
from gateway.sessions.session import Session
from gateway.sessions.states import RoomState
from gateway.wire import LOBBY, CommandError


async def join(session: Session, command: wire.Join) -> None:
    """Join a room; the answer has its present state, and the messages that were missed."""
    name = room_names.check(command.room)
    context, record = session.context, session.record
    _check_room_count(session, name.key)
    await _check_new_room(session, name.key)
    async with context.relay.holding(name.key) as room:
        if not session.is_attached():
            return
        with _refusing_look_alikes(name), context.registry.joining(record, name.key):
            found = await enter(context.backplane, record, name.key, name.shown)
            room.name = found.name
            if not found.settled:
                await context.backplane.rooms.names.settle(room.key, room.name)
            await _remember(session, room)
            context.relay.check_epoch(room, found.epoch)
            await context.relay.catch_up_erasures(room, found.erasures)
            messages, recovered = await _missed(session, room, command)
        if not session.is_attached():
            return
        # Nothing awaits from here on: live messages begin where the answer ends, so none is missed
        # and none is sent twice.
        room.add(session.sid, session.write_buffer)
        session.send(
            answers.joined(
                room, record, session.fitting(messages),
                command_id=command.id, recovered=recovered,
            )
        )  # fmt: skip
        if command.since and (erased := history.erased_since(room, command.since)):
            session.send(erased)


async def _remember(session: Session, room: Room) -> None:
    """Record that an account is in a room, from now on unread, and have its other devices join."""
    account, context = session.record.account, session.context
    if account and await context.backplane.account_rooms.add_room(
        account, room.key, room.name, read=room.position
    ):
        await context.accounts.publish(account, JoinedEvent(room.name, session.sid))


@contextlib.contextmanager
def _refusing_look_alikes(name: RoomName) -> Iterator[None]:
    try:
        yield
    except LooksAlike as alike:
        raise room_names.looks_alike(name.shown, alike.other) from None


def _check_room_count(session: Session, room: str) -> None:
    """Refuse one room too many; rooms not joined again after a resumption do not count."""
    rooms, most = session.record.rooms, session.context.settings.max_rooms
    if len(rooms) < most or rooms.get(room) is RoomState.FOLLOWED:
        return
    if len(session.record.rooms_in(RoomState.FOLLOWED)) >= most:
        raise CommandError("too_many_rooms", f"You are in {most} rooms already.")


async def _check_new_room(session: Session, name: str) -> None:
    """Count a room that does not exist yet; refuse one too many."""
    context = session.context
    if name in context.relay.rooms:
        return
    rooms = await context.backplane.rooms.would_be_new(name)
    if rooms is None:
        return
    if name != LOBBY:
        if 0 < context.settings.total_rooms <= rooms:
            raise CommandError("no_new_rooms", "No more rooms can be made on this server.")
        check_memory(context, Shortage.NO_NEW_ROOMS)
    if wait := context.limits.new_room(session.limited_as, session.sid, trio.current_time()):
        raise too_fast("New rooms are made too fast from here.", wait)


async def _missed(
    session: Session, room: Room, command: wire.Join
) -> tuple[list[bytes], bool | None]:
    """Return the messages in the answer to a join, and its field ``recovered``."""
    context, rooms = session.context, session.context.backplane.rooms
    if command.since is not None:
        await context.relay.catch_up_to(room, command.since)
        missed = await history.all_missed(
            room, rooms, command.since, session.sid, session.write_buffer
        )
        if missed is not None:
            return missed, True
    newest = await history.newest(room, rooms, command.history)
    return newest, None if command.since is None else False


async def leave(session: Session, command: wire.Leave) -> None:
    """Leave a room."""
    room, record = room_names.key(command.room), session.record
    registry, rooms = session.context.registry, session.context.backplane.rooms
    name = rooms.names.known(room) or room
    if record.rooms.get(room) is not RoomState.FOLLOWED:
        session.room(command.room)  # refuses
    async with registry.claiming(record):
        try:
            await rooms.leave(room, {session.sid: record.term})
        except Unavailable:
            registry.mark_unverified(record)  # it may no longer be listed
            raise
        if session.is_attached():
            registry.left(record, room)
    if record.account:
        await session.context.backplane.account_rooms.remove_room(record.account, room)
        await session.context.accounts.publish(record.account, LeftEvent(room, name, session.sid))
    if room not in session.context.relay.rooms and not registry.is_listed_in(room):
        with contextlib.suppress(Unavailable):  # a superfluous entry is harmless
            await rooms.unregister(room)
    session.answer_once(command, wire.Ok(id=command.id))


async def members(session: Session, command: wire.Members) -> None:
    """Return a page of the members of a room that the session is in."""
    await trio.lowlevel.checkpoint()
    room = session.room(command.room)
    roster = room.roster
    page = roster.page(command.after, command.limit)
    session.send(
        wire.MemberList(
            id=command.id,
            room=room.name,
            version=roster.announced_version,
            members=payloads.as_members(page.encoded),
            next=page.next,
        )
    )


async def listing(session: Session, command: wire.Rooms) -> None:
    """List the rooms that exist, the fullest first."""
    size = shares.messages(session.write_buffer.limit)
    encoded = await session.context.rooms.encoded(size)
    session.send(wire.RoomList(id=command.id, rooms=payloads.as_rooms(encoded)))
