"""The past messages of a room that a client gets when it joins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gateway.backplane import continues
from gateway.backplane.payloads import contradict, message_seq
from gateway.backplane.rooms import RoomStore
from gateway.delivery.room import Room
from gateway.net import shares
from gateway.net.websocket import text_frame
from gateway.net.write_buffer import WriteBuffer
from gateway.wire import Erased, Position

MOST_AT_ONCE: Final = 1000
"""Missed messages that are read from the log at once."""


async def newest(room: Room, rooms: RoomStore, count: int) -> list[bytes]:
    """Return the last ``count`` messages up to ``room.position``, as far as they are logged.

    Valid until the caller awaits anything.

    :raises Unavailable: if the log must be read and Redis does not answer.
    """
    known = await _last_messages(room, rooms, lambda position: position - count + 1)
    return room.erasures.conceal(known[-count:] if count else [])


async def missed(room: Room, rooms: RoomStore, since: Position) -> list[bytes] | None:
    """Return the messages after ``since`` up to ``room.position``.

    - Returns only the first `MOST_AT_ONCE` of them if there are more.
    - Returns None if some are not in the log, or the one at ``since`` is not the one that was seen.
    - Valid, and raises, as `newest`.
    """
    first = since.seq + (since.id is None)
    if room.position - since.seq > MOST_AT_ONCE:
        end = since.seq + MOST_AT_ONCE + 1
        known = await rooms.messages_before(room.key, end, end - first)
    else:
        known = await _last_messages(room, rooms, lambda _: first)
    messages = missed_in(known, since, epoch=room.epoch, position=room.position)
    return None if messages is None else room.erasures.conceal(messages)


async def all_missed(
    room: Room, rooms: RoomStore, since: Position, session: str, write_buffer: WriteBuffer
) -> list[bytes] | None:
    """Return what a session missed, as `missed`, after sending what one answer cannot hold."""
    while (messages := await missed(room, rooms, since)) and write_buffer.open:
        page = oldest_within(messages, shares.messages(write_buffer.limit))
        last = message_seq(page[-1])
        if last == room.position:
            break
        room.remove(session)  # until it has the older ones: newer ones must not come before
        write_buffer.write(b"".join(map(text_frame, page)))
        await write_buffer.drained()
        since = Position(epoch=since.epoch, seq=last)
    return messages


async def _last_messages(room: Room, rooms: RoomStore, first: Callable[[int], int]) -> list[bytes]:
    """Return the messages from ``first(room.position)`` to ``room.position``, if all are logged.

    Else those that are. Messages in memory are used, older ones are read; again if meanwhile the
    room got more messages than the memory holds.
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
        older = await rooms.messages_before(room.key, begin, missing)
        known, is_whole = [*older, *known], not older


def join(known: list[bytes], recent: list[bytes], position: int) -> list[bytes] | None:
    """Return known messages followed by recent ones; None if some are missing between them.

    Both are in order and without a hole. The recent ones end at ``position``; if there are none,
    the known ones must.
    """
    begin = message_seq(recent[0]) if recent else position + 1
    older = [message for message in known if message_seq(message) < begin]
    if older and message_seq(older[-1]) != begin - 1:
        return None
    return [*older, *recent]


def missed_in(
    known: list[bytes], since: Position, *, epoch: str, position: int
) -> list[bytes] | None:
    """Return the messages after ``since``; None if these are not all that were missed.

    - ``known``: read from the log, in order, with the one at ``since`` if its id is to be compared;
    - ``epoch``, ``position``: of the log.
    """
    messages = [message for message in known if message_seq(message) > since.seq]
    first = message_seq(messages[0]) if messages else position + 1
    if since.epoch != epoch or first != since.seq + 1 or contradict(known, since):
        return None
    return messages


def erased_since(room: Room, since: Position) -> Erased | None:
    """Return all erasures of a room that a client at ``since`` may have seen; None if none.

    Also erasures after ``since``: what the client missed may be on its way to it already.
    """
    up_to, seqs = room.erasures.up_to, room.erasures.seqs
    if not (up_to or seqs) or not continues(room.epoch, since.epoch):
        return None
    return Erased(room=room.name, epoch=room.epoch, up_to=up_to, seqs=seqs)


def newest_within(messages: list[bytes], size: int) -> list[bytes]:
    """Return the newest messages that together have at most ``size`` bytes."""
    for index in range(len(messages) - 1, -1, -1):
        size -= len(messages[index]) + 1
        if size < 0:
            return messages[index + 1 :]
    return messages


def oldest_within(messages: list[bytes], size: int) -> list[bytes]:
    """Return the oldest messages that together have at most ``size`` bytes; at least one."""
    for index, message in enumerate(messages):
        size -= len(message) + 1
        if size < 0:
            return messages[: max(1, index)]
    return messages
