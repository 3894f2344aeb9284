"""What a client gets of a room's past when it joins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.backplane import continues
from gateway.backplane.payloads import contradict, message_seq
from gateway.backplane.rooms import RoomStore
from gateway.delivery.room import Room
from gateway.net.websocket import text_frame
from gateway.net.write_buffer import WriteBuffer
from gateway.wire import Erased, Position

MOST_AT_ONCE: Final = 1000
"""Missed messages that are read from the log at once."""


async def newest(room: Room, rooms: RoomStore, count: int) -> list[bytes]:
    """Return the last ``count`` messages up to ``room.position``, as far as they are logged.

    True of the moment it returns: the caller must use the result before it awaits anything.

    :raises Unavailable: if the log must be read and Redis does not answer.
    """
    known = await _last_messages(room, rooms, lambda position: position - count + 1)
    return room.erasures.conceal(known[-count:] if count else [])


async def missed(room: Room, rooms: RoomStore, since: Position) -> list[bytes] | None:
    """Return every message behind ``since`` up to ``room.position``; None if some are not logged.

    None, too, if another message was logged at ``since`` than the one seen there. If there are
    more than `MOST_AT_ONCE`, the first of them are returned, for the caller to go on from. True of
    the moment it returns, and raises, as `newest`.
    """
    first = since.seq + (since.id is None)
    if room.position - since.seq > MOST_AT_ONCE:
        end = since.seq + MOST_AT_ONCE + 1
        known = await rooms.messages_before(room.name, end, end - first)
    else:
        known = await _last_messages(room, rooms, lambda _: first)
    messages = missed_in(known, since, epoch=room.epoch, position=room.position)
    return None if messages is None else room.erasures.conceal(messages)


async def all_missed(
    room: Room, rooms: RoomStore, since: Position, session: str, write_buffer: WriteBuffer
) -> list[bytes] | None:
    """Return what a session missed, as `missed`; what one answer cannot hold is sent before it."""
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


async def _last_messages(room: Room, rooms: RoomStore, first: Callable[[int], int]) -> list[bytes]:
    """Return the messages up to ``room.position`` from ``first`` of it on, or all that are logged.

    What the node has at hand is used; what is older is read, again and again while the room goes
    on by more than is kept at hand.
    """
    known: list[bytes] = []
    epoch, is_whole = room.epoch, False
    while True:
        joined = join(known, room.recent.all, room.position)
        if joined is None or room.epoch != epoch:
            joined, is_whole = room.recent.all, False
        known, epoch = joined, room.epoch
        begin = message_seq(known[0]) if known else room.position + 1
        missing = begin - max(1, first(room.position))
        if missing <= 0 or is_whole:
            return known
        older = await rooms.messages_before(room.name, begin, missing)
        known, is_whole = [*older, *known], not older


def join(known: list[bytes], recent: list[bytes], position: int) -> list[bytes] | None:
    """Return messages known before with the recent ones behind them; None if a hole is between.

    Both are in order and without a hole. The recent ones go up to ``position``; if there are none,
    those known before must.
    """
    begin = message_seq(recent[0]) if recent else position + 1
    older = [message for message in known if message_seq(message) < begin]
    if older and message_seq(older[-1]) != begin - 1:
        return None
    return [*older, *recent]


def missed_in(
    known: list[bytes], since: Position, *, epoch: str, position: int
) -> list[bytes] | None:
    """Return which of these messages are behind a position, if they are all that were missed.

    - ``known``: read from the log, in order, with the one at ``since`` if its id is to be compared;
    - ``epoch``, ``position``: where the log is.
    """
    messages = [message for message in known if message_seq(message) > since.seq]
    first = message_seq(messages[0]) if messages else position + 1
    if since.epoch != epoch or first != since.seq + 1 or contradict(known, since):
        return None
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
    """Return the newest messages that together have no more bytes than this."""
    for index in range(len(messages) - 1, -1, -1):
        size -= len(messages[index]) + 1
        if size < 0:
            return messages[index + 1 :]
    return messages


def oldest_within(messages: list[bytes], size: int) -> list[bytes]:
    """Return the oldest messages that together have no more bytes than this, but at least one."""
    for index, message in enumerate(messages):
        size -= len(message) + 1
        if size < 0:
            return messages[: max(1, index)]
    return messages
