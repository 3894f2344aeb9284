"""The rooms that nodes share: their members and logs, and the index of rooms."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Final

import msgspec
import trio

from gateway.auth.identity import sender_of
from gateway.backplane.epochs import Epochs, continuation
from gateway.backplane.erasures import read_record
from gateway.backplane.errors import IdReused, Replaced
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.payloads import only_messages
from gateway.backplane.redis.errors import Refused, reading
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.scripts import (
    CURRENT_ROOMS,
    EXPIRE_ROOMS,
    EXTEND_ROOMS,
    JOIN,
    LEAVE,
    PUBLISH,
    RENEW_EPOCH,
    SNAPSHOT,
    Command,
)
from gateway.backplane.room_keys import RoomKeys, index_keys
from gateway.backplane.room_members import number_of_people, read_members
from gateway.backplane.room_names import Entered, RoomNames
from gateway.backplane.room_people import RoomPeople
from gateway.backplane.snapshot import Snapshot
from gateway.backplane.terms import up_to_terms
from gateway.backplane.timeline import Timeline
from gateway.policy.retention import DAY, Retention

REMEMBERED_IDS: Final = 10_000
"""The number of a room's last messages whose ids are remembered, at least."""

_SCAN_COUNT: Final = 500
_BATCH: Final = 500
_MOST_KEYS: Final = 10_000


class RoomStore:
    """The rooms in Redis.

    Every method raises `Unavailable` if Redis cannot answer. Whether it took effect is then
    unknown; repeating it is safe.
    """

    def __init__(
        self,
        link: Link,
        *,
        namespace: str,
        scope: str,
        incarnation: Incarnation,
        retention: Retention,
    ) -> None:
        self._link = link
        self._namespace = namespace
        self._incarnation = incarnation
        self.retention = retention
        self._epochs = Epochs()
        self._index, self._sizes = index_keys(namespace)
        self._keys = lru_cache(maxsize=_MOST_KEYS)(partial(RoomKeys, namespace, scope=scope))
        self.people = RoomPeople(link, keys=self._keys, incarnation=incarnation)
        self.names = RoomNames(
            link,
            namespace=namespace,
            meta_of=lambda room: self._keys(room).meta,
            kept_seconds=round(retention.registered_seconds + DAY),
        )

    @property
    def _own_rooms(self) -> str:
        return self._rooms_of(self._incarnation.name)

    def _rooms_of(self, node: str) -> str:
        return f"{self._namespace}:{{node:{node}}}:rooms"

    def channel(self, room: str) -> bytes:
        """Return the channel on which a room's messages and changes are published."""
        return self._keys(room).channel.encode()

    async def publish(
        self, room: str, session: str, message_id: str, tail: bytes, *, term: int, digest: str
    ) -> int:
        """Log and publish a message, given as JSON without its head (`gateway.backplane.payloads`).

        :param digest: of the text, by which another attempt is told from another message.
        :returns: its ``seq``; that of the first attempt, if there was one under this id.
        :raises IdReused: if the session, or its device, has sent another message under this id.
        :raises Replaced: if the session is a member in a later term.
        """
        keys = self._keys(room)
        seq: int | None = await self._link.run_script(
            PUBLISH,
            (keys.meta, keys.log, keys.ids, keys.older_ids, keys.members),
            f"{sender_of(session)}:{message_id}",
            keys.channel,
            tail,
            self.retention.messages,
            REMEMBERED_IDS,
            self._epochs.new(),
            digest,
            self._link.replication_id,
            session,
            f"{self._incarnation.name} {term} ",
            self.retention.log_bytes,
        )
        if seq is None:
            raise Replaced(term)
        if seq < 0:
            raise IdReused
        return seq

    async def would_be_new(self, room: str) -> int | None:
        """Return how many rooms there are if this is none of them; None if it exists.

        A room exists while it has members, or a log that is kept.
        """
        exists, rooms = await self._link.call_all(
            [("HEXISTS", self._keys(room).meta, "epoch"), ("ZCARD", self._index)]
        )
        return None if exists else rooms

    async def notify(self, room: str, payload: bytes) -> None:
        """Publish on a room's channel without logging."""
        await self._link.call("PUBLISH", self.channel(room), payload)

    @reading
    async def join(
        self, room: str, session: str, line: str, *, term: int, name: str | None = None
    ) -> Entered:
        """Make a session of this node a member, or change its member line.

        ``name`` is that of the room if it has none: the one that it had when somebody here joined
        it last, if not given.

        :raises Replaced: if the session is a member in a later term.
        """
        keys = self._keys(room)
        announcement = b',"here":' + msgspec.json.encode({session: line}) + b"}"
        found: tuple[bytes, bytes | None, bytes, bytes | None] | None
        found = await self._link.run_script(
            JOIN, keys.all(), session, self._incarnation.name, term, line, keys.channel,
            announcement, self._epochs.new(), name or self.names.known(room) or room,
        )  # fmt: skip
        if found is None:
            raise Replaced(term)
        entered = Entered.read(*found)
        if entered.settled:
            self.names.remember(room, entered.name)
        return entered

    async def leave(
        self, room: str, sessions: Mapping[str, int], *, node: str | None = None
    ) -> int:
        """Remove sessions that are members on this node, or on ``node`` if that is given.

        ``sessions`` has a term of each; a member in a later term stays. A room without members is
        given an expiry, also if ``sessions`` is empty; an expiry that it has is then not put off.

        :returns: the number of sessions removed.
        """
        keys = self._keys(room)
        keep = round(self.retention.seconds(room) * 1000)
        mark = self._incarnation.any if node is None else node
        gone: int
        gone, state = await self._link.run_script(
            LEAVE, keys.all(), keys.channel, keep, mark, *up_to_terms(sessions)
        )
        if state == b"gone":
            self.names.forget(room)
            await self._unlist(room)
        elif gone and state == b"log":
            await self._link.call_all(self._extensions([room]))  # until the log expires
        return gone

    @reading
    async def snapshot(
        self, room: str, *, after: int | None, limit: int, known_version: int
    ) -> Snapshot:
        """Return a room with up to ``limit`` messages after ``after``, or the newest if None."""
        keys = self._keys(room)
        epoch, seq, version, messages, members, erased, *written = await self._link.run_script(
            SNAPSHOT,
            (keys.meta, keys.members, keys.log),
            -1 if after is None else after,
            limit,
            known_version,
        )
        known = version == known_version
        return Snapshot(
            epoch.decode(),
            seq,
            version,
            only_messages(messages),
            None if known else {m.session: m.line for m in read_members(members)},
            Timeline.read(*written, server=self._link.replication_id, seq=seq),
            read_record(erased),
        )

    async def renew_epoch(self, room: str, epoch: str, *, beyond: str) -> None:
        """Begin another epoch, later than ``beyond``, in a room that has lost messages.

        ``epoch`` is the room's; empty if Redis has lost the room, which begins anew. Does nothing
        if the room is in another epoch by now.
        """
        meta = self._keys(room).meta
        new = continuation(epoch, beyond=beyond) if epoch else self._epochs.new()
        await self._link.run_script(RENEW_EPOCH, (meta,), epoch, new)

    async def messages_before(self, room: str, before: int | None, limit: int) -> list[bytes]:
        """Return the last ``limit`` messages before seq ``before``, the oldest first."""
        if not limit:
            await trio.lowlevel.checkpoint()
            return []  # Redis answers "none at all" with nothing
        top = "+" if before is None else f"({before}-0"
        log = self._keys(room).log
        entries = await self._link.call("XREVRANGE", log, top, "-", "COUNT", limit)
        return only_messages([fields[1] for _, fields in reversed(entries)])

    async def listing(self, most: int, *always: str) -> list[tuple[str, int]]:
        """Return up to ``most`` names of rooms with their numbers of people, the fullest first.

        Chosen are the rooms ``always``, then the fullest by their last `count`, then rooms used
        lately.
        """
        replies: list[list[bytes]] = await self._link.call_all(
            [
                ("ZREVRANGEBYSCORE", self._sizes, "+inf", 0, "LIMIT", 0, most),
                CURRENT_ROOMS.command((self._index,), most),
            ]
        )
        fullest, recent = map(_names, replies)
        known = {*always, *recent}
        sizes = await self._measure(list(dict.fromkeys([*always, *fullest, *recent]))[:most])
        await self._forget_empty(fullest, sizes)
        listed = [room for room, size in sizes.items() if size or room in known]
        named = [
            (name or room, sizes[room])
            for room, name in zip(listed, await self.names.read(listed), strict=True)
        ]
        return sorted(named, key=lambda item: (-item[1], item[0]))

    async def count(self, *rooms: str) -> None:
        """Count the people in rooms, and record the counts for `listing`."""
        for start in range(0, len(rooms), _BATCH):
            sizes = await self._measure(rooms[start : start + _BATCH])
            if scores := [part for room, size in sizes.items() if size for part in (size, room)]:
                await self._link.call("ZADD", self._sizes, *scores)
            await self._forget_empty(sizes, sizes)

    async def _measure(self, rooms: Sequence[str]) -> dict[str, int]:
        """Return the number of people in each room; 0 if another program corrupted its keys."""
        keys = [self._keys(room) for room in rooms]
        members = [("HLEN", each.members) for each in keys]
        doubles = [("HGET", each.meta, "doubles") for each in keys]
        replies = await self._link.try_all([*members, *doubles])
        people = map(number_of_people, replies[: len(rooms)], replies[len(rooms) :])
        return dict(zip(rooms, people, strict=True))

    async def _forget_empty(self, rooms: Iterable[str], sizes: dict[str, int]) -> None:
        """Delete the recorded counts of those rooms that are empty."""
        if empty := [room for room in rooms if sizes.get(room) == 0]:
            await self._link.call("ZREM", self._sizes, *empty)

    async def register(self, *rooms: str) -> None:
        """Record that this node has members in rooms: they are listed, and found if it dies."""
        for start in range(0, len(rooms), _BATCH):
            batch = rooms[start : start + _BATCH]
            await self.names.learn(batch)
            await self._link.call_all(
                [
                    *self._extensions(batch),
                    ("SADD", self._own_rooms, *batch),
                    ("PERSIST", self._own_rooms),  # earlier releases gave it a day
                    *self.names.renewals(batch),
                ]
            )

    def _extensions(self, rooms: Iterable[str]) -> list[Command]:
        """Return the commands that keep rooms in the index for as long as their logs, if empty."""
        kept: dict[float, list[str]] = {}
        for room in rooms:
            kept.setdefault(self.retention.seconds(room), []).append(room)
        return [
            EXTEND_ROOMS.command((self._index,), seconds, *names) for seconds, names in kept.items()
        ]

    async def unregister(self, room: str) -> None:
        """Record that this node has no members in a room any more."""
        renewals = self.names.renewals([room], emptied=True)
        await self._link.call_all([("SREM", self._own_rooms, room), *renewals])
        self.names.forget(room)

    async def forget_expired(self) -> None:
        """Remove rooms from the listing whose logs have expired.

        A room with members stays: the clock of Redis was set, or the nodes of its members are away.
        """
        while names := await self._link.run_script(EXPIRE_ROOMS, (self._index,), _BATCH):
            sizes = await self._measure(expired := _names(names))
            if held := [room for room, size in sizes.items() if size]:
                await self._link.call_all(self._extensions(held))
            await self._forget_empty(expired, sizes)

    async def _unlist(self, *rooms: str | bytes) -> None:
        await self._link.call_all([("ZREM", key, *rooms) for key in (self._index, self._sizes)])

    async def some(self, most: int) -> list[str]:
        """Return rooms chosen at random, at most ``most`` of them."""
        names: list[bytes] = await self._link.call("ZRANDMEMBER", self._index, most)
        return _names(names)

    async def members_by_node(self, room: str) -> dict[str, dict[str, int]]:
        """Return the sessions in a room with their terms, by node."""
        members: dict[str, dict[str, int]] = {}
        cursor = b"0"
        while True:
            cursor, flat = await self._link.call(*self._scan_members(room, cursor))
            for member in read_members(flat):
                members.setdefault(member.node, {})[member.session] = member.term
            if cursor == b"0":
                return members

    async def release_node(self, node: str) -> None:
        """Remove all members that a dead node had; several nodes may do so at the same time."""
        key, cursor = self._rooms_of(node), b"0"
        while True:
            cursor, names = await self._link.call("SSCAN", key, cursor, "COUNT", _SCAN_COUNT)
            rooms = _names(names)
            firsts = await self._link.try_all([self._scan_members(room, b"0") for room in rooms])
            for room, first in zip(rooms, firsts, strict=True):
                # A room that another program corrupted is skipped; the link has logged it.
                if not isinstance(first, Refused):
                    with contextlib.suppress(Refused):
                        await self._release_members(room, node, *first)
            # Rooms with members left are counted by their nodes, which received the change.
            await self._forget_empty(rooms, await self._measure(rooms))
            await self.names.keep(rooms)
            if cursor == b"0":
                break
        await self._link.call("DEL", key)

    def _scan_members(self, room: str, cursor: bytes) -> tuple[bytes | str | int, ...]:
        return "HSCAN", self._keys(room).members, cursor, "COUNT", _SCAN_COUNT

    async def _release_members(
        self, room: str, node: str, following: bytes, flat: list[bytes]
    ) -> None:
        """Remove the members of a room that are on a node, given the first page of the scan."""
        while True:
            if sessions := {m.session: m.term for m in read_members(flat) if m.node == node}:
                await self.leave(room, sessions, node=node)
            if following == b"0":
                return
            following, flat = await self._link.call(*self._scan_members(room, following))


def _names(rooms: list[bytes]) -> list[str]:
    """Return names of rooms as text, whatever other programs have added to them."""
    return [room.decode("utf-8", "replace") for room in rooms]
