"""The rooms of accounts, and how far they have read, in Redis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Final, NamedTuple

from gateway.backplane.account_keys import AccountKeys
from gateway.backplane.payloads import only_messages
from gateway.backplane.redis.errors import Refused, reading
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.scripts import MOVE_MARKER
from gateway.backplane.room_keys import RoomKeys

MOST_UNREAD_READ: Final = 200
"""Unread messages of a room that are looked through for mentions, at most: the newest."""
MOST_MARKERS: Final = 2000
"""Markers that an account keeps, at least. When there are a tenth more, the oldest of conversations
are forgotten, and before them those of rooms that the account has left."""

_MOST_KEYS: Final = 10_000
_ROOM: Final = "#"
_PERSON: Final = "@"


class Marker(NamedTuple):
    """How far somebody has read: up to ``seq``.

    ``incoming``: in a conversation, how many messages of the other person there are up to that.
    """

    seq: int = 0
    incoming: int = 0


class Markers(NamedTuple):
    """The read markers of an account: by the keys of rooms, and by the tags of persons."""

    rooms: dict[str, Marker]
    persons: dict[str, Marker]


class RoomUnread(NamedTuple):
    """One of the rooms of an account: its last ``seq``, the marker, and the messages since."""

    key: str
    name: str
    seq: int
    read: int
    unread: int


class AccountRooms:
    """The rooms and the markers of all accounts.

    Every method raises `Unavailable` if Redis cannot answer; repeating it is safe.
    """

    def __init__(self, link: Link, *, namespace: str) -> None:
        self._link = link
        self._namespace = namespace
        self._room_keys = lru_cache(maxsize=_MOST_KEYS)(partial(RoomKeys, namespace))

    def _keys(self, account: str) -> AccountKeys:
        return AccountKeys(self._namespace, account)

    @reading
    async def rooms(self, account: str) -> dict[str, str]:
        """Return the names of an account's rooms, by their keys."""
        return _text(await self._link.call("HGETALL", self._keys(account).rooms))

    async def add_room(self, account: str, key: str, name: str, *, read: int = 0) -> bool:
        """Record that an account is in a room; return whether it was not before.

        ``read`` is the room's last ``seq``: what was said before somebody came is not unread.
        """
        added: int = await self._link.call("HSET", self._keys(account).rooms, key, name)
        if added and read:
            await self.read_room(account, key, read)
        return bool(added)

    async def remove_room(self, account: str, key: str) -> None:
        """Record that an account has left a room; its marker stays for when it comes back."""
        await self._link.call("HDEL", self._keys(account).rooms, key)

    async def read_room(self, account: str, key: str, seq: int) -> bool:
        """Move the marker of a room forward; return whether it moved: it never goes back."""
        return await self._move(account, _ROOM + key, seq, "")

    async def read_person(self, account: str, tag: str, seq: int, incoming: int) -> bool:
        """Move the marker of a conversation forward; return whether it moved.

        ``incoming`` is how many messages of that person there are up to ``seq``.
        """
        return await self._move(account, _PERSON + tag, seq, incoming)

    async def _move(self, account: str, field: str, seq: int, incoming: int | str) -> bool:
        keys = self._keys(account)
        moved: int = await self._link.run_script(
            MOVE_MARKER, (keys.read, keys.rooms), field, seq, incoming, MOST_MARKERS
        )
        return bool(moved)

    @reading
    async def markers(self, account: str) -> Markers:
        """Return all read markers of an account."""
        return _markers(await self._link.call("HGETALL", self._keys(account).read))

    @reading
    async def unread(self, account: str) -> list[RoomUnread]:
        """Return the rooms of an account with what is unread in them, in the order of their keys.

        Takes two round trips, however many rooms there are. A room whose data another program
        corrupted, or whose marker is beyond its end, has nothing unread.
        """
        keys = self._keys(account)
        rooms, read = await self._link.call_all([("HGETALL", keys.rooms), ("HGETALL", keys.read)])
        names = dict(sorted(_text(rooms).items()))
        markers = _markers(read).rooms
        seqs = await self._last_seqs(list(names))
        found = []
        for key, name in names.items():
            seq, marker = seqs[key], markers.get(key, Marker()).seq
            found.append(RoomUnread(key, name, seq, marker, max(seq - marker, 0)))
        return found

    async def _last_seqs(self, rooms: Sequence[str]) -> Mapping[str, int]:
        replies = await self._link.try_all(
            [("HGET", self._room_keys(room).meta, "seq") for room in rooms]
        )
        return {
            room: int(seq) if isinstance(seq, bytes) and seq.isdigit() else 0
            for room, seq in zip(rooms, replies, strict=True)
        }

    async def newest_unread(self, rooms: Sequence[RoomUnread]) -> dict[str, list[bytes]]:
        """Return the newest unread messages of each of these rooms, the oldest first.

        At most `MOST_UNREAD_READ` of each, by the keys of the rooms; in one round trip.
        """
        asked = [room for room in rooms if room.unread]
        replies = await self._link.try_all(
            [
                (
                    "XREVRANGE", self._room_keys(room.key).log, "+", f"({room.read}-0",
                    "COUNT", min(room.unread, MOST_UNREAD_READ),
                )
                for room in asked
            ]
        )  # fmt: skip
        return {
            room.key: only_messages([fields[1] for _, fields in reversed(entries)])
            for room, entries in zip(asked, replies, strict=True)
            if not isinstance(entries, Refused)  # another program corrupted it
        }


def _text(flat: list[bytes]) -> dict[str, str]:
    text = [part.decode("utf-8", "replace") for part in flat]
    return dict(zip(text[::2], text[1::2], strict=True))


def _markers(flat: list[bytes]) -> Markers:
    """Return the markers in a hash; what another program wrote is left out."""
    found: dict[str, dict[str, Marker]] = {_ROOM: {}, _PERSON: {}}
    for field, value in _text(flat).items():
        seq, _, count = value.partition(" ")
        if field[:1] in found and seq.isdecimal() and (not count or count.isdecimal()):
            found[field[0]][field[1:]] = Marker(int(seq), int(count or 0))
    return Markers(found[_ROOM], found[_PERSON])
