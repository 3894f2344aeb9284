"""What a client gets of a room's past as it comes in."""

from __future__ import annotations

from typing import Final

from gateway.backplane import Rooms
from gateway.hub import Room
from gateway.splicing import message_seq
from gateway.wire import Position

MOST_MISSED: Final = 1000
"""Missed messages that a join makes good; somebody who missed more gets the recent ones."""


async def newest(room: Room, rooms: Rooms, count: int) -> list[bytes]:
    """Give the last ``count`` messages up to ``room.position``, as far as they are logged.

    True of the moment it returns: the caller must use the result before it awaits anything.

    :raises Unavailable: if the log must be read and Redis does not answer.
    """
    known = await _at_least(room, rooms, count)
    return known[-count:] if count else []


async def missed(room: Room, rooms: Rooms, since: Position) -> list[bytes] | None:
    """Give every message behind ``since`` up to ``room.position``; None if they cannot all be.

    True of the moment it returns, and raises, as `newest`.
    """
    if not 0 <= room.position - since.seq <= MOST_MISSED:
        return None
    known = await _at_least(room, rooms, room.position - since.seq)
    messages = [message for message in known if message_seq(message) > since.seq]
    first = message_seq(messages[0]) if messages else room.position + 1
    if since.epoch != room.epoch or first != since.seq + 1:
        return None
    return messages


def newest_within(messages: list[bytes], size: int) -> list[bytes]:
    """Give the newest messages that together have no more bytes than this."""
    for index in range(len(messages) - 1, -1, -1):
        size -= len(messages[index]) + 1
        if size < 0:
            return messages[index + 1 :]
    return messages


async def _at_least(room: Room, rooms: Rooms, count: int) -> list[bytes]:
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
