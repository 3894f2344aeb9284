"""Gives stored rooms the keys and names that this release gives them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final, TypeVar

import msgspec

from gateway.backplane.key_scan import escape_glob
from gateway.backplane.payloads import only_messages
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.scripts import RENAME_ROOM
from gateway.backplane.room_keys import RoomKeys, index_keys
from gateway.backplane.room_names import look_keys, new_claim
from gateway.backplane.upgrade.naming import StoredRoom, name_rooms
from gateway.backplane.upgrade.nicks import session_lines
from gateway.policy.room_names import RoomName

LOOK_MILLISECONDS: Final = 30 * 86_400_000
"""How long a room that has members keeps what it looks like, if none of them comes back."""
_PAGE: Final = 500
_AT: Final = re.compile(rb'"at":([0-9]{1,16})')

T = TypeVar("T")


async def upgrade_rooms(link: Link, namespace: str) -> AsyncIterator[tuple[str, str]]:
    """Store all rooms under their new keys and names; yield each name that changes, and the new."""
    node_sets = [key async for key, _ in _scan(link, namespace, "{node:", "}:rooms")]
    found = [room async for _, room in _scan(link, namespace, "{room:", "}:meta")]
    await _forget_missing(link, namespace, set(found))
    rooms = {room: await _read(link, RoomKeys(namespace, room), room) for room in found}
    for room, name in name_rooms(rooms.values()).items():
        keys = RoomKeys(namespace, room)
        await _update_members(link, namespace, keys.members)
        await link.call("DEL", keys.copy)  # what another run, or an erasure, has left half done
        if rooms[room].name != name.shown:
            await _copy_log(link, keys, name.shown)
        await _rename(link, namespace, room, name, node_sets)
        if rooms[room].name != name.shown:
            yield rooms[room].name, name.shown


async def _scan(link: Link, namespace: str, begin: str, end: str) -> AsyncIterator[tuple[str, str]]:
    """Yield the keys that begin and end so after the namespace, and what is between."""
    before = f"{namespace}:{begin}"
    pattern, cursor = escape_glob(before) + "*" + end, b"0"
    seen: set[str] = set()
    while True:
        cursor, page = await link.call("SCAN", cursor, "MATCH", pattern, "COUNT", _PAGE)
        for raw in page:
            key = raw.decode("utf-8", "replace")
            if key not in seen and key.encode() == raw:  # else it is not one of ours
                seen.add(key)
                yield key, key[len(before) : -len(end)]
        if cursor == b"0":
            return


async def _read(link: Link, keys: RoomKeys, room: str) -> StoredRoom:
    name, members, last = await link.call_all(
        [
            ("HGET", keys.meta, "name"),
            ("HLEN", keys.members),
            ("XREVRANGE", keys.log, "+", "-", "COUNT", 1),
        ]
    )
    at = _AT.search(last[0][1][1]) if last else None
    return StoredRoom(
        room=room,
        name=room if name is None else name.decode("utf-8", "replace"),
        is_named=name is not None,
        members=members,
        last_at=int(at[1]) if at else 0,
    )


async def _forget_missing(link: Link, namespace: str, rooms: set[str]) -> None:
    """Remove rooms from the index that have ended, so that none is listed under an old key."""
    index, sizes = index_keys(namespace)
    listed = [raw for key in (index, sizes) for raw in await link.call("ZRANGE", key, 0, -1)]
    ended = [raw for raw in listed if raw.decode("utf-8", "replace") not in rooms]
    for some in _pages(ended):
        await link.call_all([("ZREM", key, *some) for key in (index, sizes)])


async def _update_members(link: Link, namespace: str, members: str) -> None:
    """Write the present nicknames of their sessions into a room's member lines."""
    flat: list[bytes] = await link.call("HGETALL", members)
    entries = list(zip(flat[::2], flat[1::2], strict=True))
    for some in _pages(entries):
        lines = await session_lines(link, namespace, [session for session, _ in some])
        for (session, member), line in zip(some, lines, strict=True):
            node_and_term = b" ".join(member.split(b" ", 2)[:2])
            if line is not None and member != (new := node_and_term + b" " + line):
                await link.call("HSET", members, session, new)


async def _copy_log(link: Link, keys: RoomKeys, name: str) -> None:
    """Copy a log, with the room's new name in each message."""
    start = "-"
    while page := await link.call("XRANGE", keys.log, start, "+", "COUNT", _PAGE):
        copies: list[tuple[Any, ...]] = []
        for entry, fields in page:
            for message in only_messages(fields[1:2]):
                renamed = msgspec.json.encode(msgspec.json.decode(message) | {"room": name})
                copies.append(("XADD", keys.copy, entry, "m", renamed))
        await link.call_all(copies)
        start = "(" + page[-1][0].decode()


async def _rename(
    link: Link, namespace: str, room: str, name: RoomName, node_sets: Sequence[str]
) -> None:
    before, after = RoomKeys(namespace, room), RoomKeys(namespace, name.key)
    life = await link.call("PTTL", before.meta)
    milliseconds = life if life > 0 else LOOK_MILLISECONDS
    await link.call_all(
        [
            ("SET", key, new_claim(name.key), "PX", milliseconds)
            for key in look_keys(namespace, name.shown)
        ]
    )
    await link.run_script(
        RENAME_ROOM,
        (
            *before.all(),
            *after.all(),
            before.copy,
            *index_keys(namespace),
            *node_sets,
        ),
        room,
        name.key,
        name.shown,
    )


def _pages(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + _PAGE] for start in range(0, len(items), _PAGE))
