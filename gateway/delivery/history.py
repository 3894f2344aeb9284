"""What a client gets of a room's past as it comes in."""

from __future__ import annotations

from typing import Final

from gateway.backplane import continues
from gateway.backplane.payloads import contradict, message_seq
from gateway.backplane.rooms import RoomStore
from gateway.delivery.room import Room
from gateway.net.websocket import text_frame
from gateway.net.write_buffer import WriteBuffer
from gateway.wire import Erased, Position

MOST_AT_ONCE: Final = 1000
"""Missed messages that are read at one go."""


async def newest(room: Room, rooms: RoomStore, count: int) -> list[bytes]:
    """Give the last ``count`` messages up to ``room.position``, as far as they are logged.

    True of the moment it returns: the caller must use the result before it awaits anything.

    :raises Unavailable: if the log must be read and Redis does not answer.
    """
    known = await _at_least(room, rooms, count)
    return room.erasures.conceal(known[-count:] if count else [])


async def missed(room: Room, rooms: RoomStore, since: Position) -> list[bytes] | None:
    """Give every message behind ``since`` up to ``room.position``; None if the log has not all.

    It has not if there is another message at ``since`` than the one seen there. Of very many
    messages it gives the first, which the caller goes on from. True of the moment it returns, and
    raises, as `newest`.
    """
    behind = room.position - since.seq
    if behind < 0:
        return None
    compared = int(since.id is not None)
    if behind > MOST_AT_ONCE:
        last = since.seq + MOST_AT_ONCE
        known = await rooms.messages_before(room.name, last + 1, MOST_AT_ONCE + compared)
    else:
        known = await _at_least(room, rooms, behind + compared)
    messages = [message for message in known if message_seq(message) > since.seq]
    first = message_seq(messages[0]) if messages else room.position + 1
    if since.epoch != room.epoch or first != since.seq + 1 or contradict(known, since):
        return None
    return room.erasures.conceal(messages)


async def all_missed(
    room: Room, rooms: RoomStore, since: Position, session: str, write_buffer: WriteBuffer
) -> list[bytes] | None:
    """Give what a session missed, as `missed`; what no answer can hold goes out before it."""
    while (messages := await missed(room, rooms, since)) and write_buffer.open:
        page = oldest_within(messages, write_buffer.limit // 2)
        last = message_seq(page[-1])
        if last == room.position:
            break
        room.remove(session)  # until it has come so far: else newer ones came in between
        write_buffer.write(b"".join(map(text_frame, page)))
        await write_buffer.drained()
        since = Position(epoch=since.epoch, seq=last)
    return messages


def erased_since(room: Room, since: Position) -> Erased | None:
    """Return what is erased of a room, for somebody who may have seen it; None if nothing is.

    That is more than up to ``since``: what they missed may be on its way to them already.
    """
    up_to, seqs = room.erasures.up_to, room.erasures.seqs
    if not (up_to or seqs) or not continues(room.epoch, since.epoch):
        return None
    return Erased(room=room.name, epoch=room.epoch, up_to=up_to, seqs=seqs)


def newest_within(messages: list[bytes], size: int) -> list[bytes]:
    """Give the newest messages that together have no more bytes than this."""
    for index in range(len(messages) - 1, -1, -1):
        size -= len(messages[index]) + 1
        if size < 0:
            return messages[index + 1 :]
    return messages


def oldest_within(messages: list[bytes], size: int) -> list[bytes]:
    """Give the oldest messages that together have no more bytes than this, but one at least."""
    for index, message in enumerate(messages):
        size -= len(message) + 1
        if size < 0:
            return messages[: max(1, index)]
    return messages


async def _at_least(room: Room, rooms: RoomStore, count: int) -> list[bytes]:
    """Give the messages at hand, and older ones from the log until there are ``count``."""
    known, epoch = list(room.recent), room.epoch
    first = message_seq(known[0]) if known else room.position + 1
    while len(known) < count and first > 1:
        older = await rooms.messages_before(room.name, first, count - len(known))
        known = [*older, *known]
        last = message_seq(known[-1]) if known else 0
        fresh = room.recent_since(last)
        if room.epoch != epoch or (fresh and message_seq(fresh[0]) != last + 1):
            # Meanwhile the room went on by more than is kept at hand: begin again from there.
            known, epoch = list(room.recent), room.epoch
        else:
            known += fresh
            if not older:
                break
        first = message_seq(known[0]) if known else room.position + 1
    return known
