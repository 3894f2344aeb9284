"""A room's log for operators: read messages, erase messages."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import trio

from gateway.backplane.erasures import MOST_RECORDED, is_tombstone
from gateway.backplane.payloads import only_messages
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.scripts import ERASE
from gateway.backplane.room_keys import RoomKeys

COPIED_AT_ONCE: Final = 256 * 1024
"""Bytes of a log that one call of the script copies, at least, in some milliseconds."""
COPY_SECONDS: Final = 10
"""Seconds for which an interrupted erasure blocks others in the same room."""

_PAGE: Final = 500


class CannotErase(Exception):
    """An erasure that was not carried out; the text is one line for the operator."""


@dataclass(frozen=True, slots=True)
class Logged:
    """Messages looked up by their ``seq``: in the log, erased already, or no longer in the log."""

    present: list[int]
    erased: list[int]
    gone: list[int]


class RoomLog:
    """A room's log. Every method raises `Unavailable` if Redis cannot answer."""

    def __init__(self, link: Link, *, namespace: str, scope: str, room: str) -> None:
        self._link = link
        self._keys = RoomKeys(namespace, room, scope=scope)

    async def position(self) -> tuple[str, int] | None:
        """Return the room's epoch and the ``seq`` of its last message; None if there is none."""
        epoch, seq = await self._link.call("HMGET", self._keys.meta, "epoch", "seq")
        return None if epoch is None else (epoch.decode(), int(seq or 0))

    async def newest(self, limit: int) -> list[bytes]:
        """Return the last ``limit`` messages, the oldest first."""
        entries: list[bytes] = []
        top = "+"
        while len(entries) < limit:
            count = min(_PAGE, limit - len(entries))
            page = await self._link.call("XREVRANGE", self._keys.log, top, "-", "COUNT", count)
            entries += [fields[1] for _, fields in page]
            if len(page) < count:
                break
            top = "(" + page[-1][0].decode()
        return only_messages(entries[::-1])

    async def look_up(self, seqs: Iterable[int]) -> Logged:
        """Return which of these messages are in the log."""
        found = Logged([], [], [])
        wanted = list(seqs)
        commands = [("XRANGE", self._keys.log, f"{seq}-0", f"{seq}-0") for seq in wanted]
        for seq, entries in zip(wanted, await self._link.call_all(commands), strict=True):
            if not entries:
                found.gone.append(seq)
            elif is_tombstone(entries[0][1][1]):
                found.erased.append(seq)
            else:
                found.present.append(seq)
        return found

    async def erase(
        self, epoch: str, *, up_to: int = 0, seqs: Iterable[int] = (), logged: bool = True
    ) -> int:
        """Replace messages with tombstones, here and on every node; safe to repeat.

        Every message up to ``up_to`` is erased, and those at ``seqs``, at most `MOST_RECORDED`.
        Unless they are ``logged``, only the nodes are notified.

        :returns: the number of nodes notified: those that have the room open.
        :raises CannotErase: if another erasure is under way, or the room is in another epoch.
        """
        keys, token = self._keys, secrets.token_hex(8)
        while True:
            state, *told = await self._link.run_script(
                ERASE,
                (keys.meta, keys.log, keys.copy, keys.copier),
                token,
                epoch,
                COPY_SECONDS * 1000,
                COPIED_AT_ONCE if logged else 0,
                MOST_RECORDED,
                keys.channel,
                up_to,
                *seqs,
            )
            if state == b"done":
                return int(told[0])
            if state == b"busy":
                raise CannotErase(
                    "another erasure in this room is under way, or was broken off; "
                    f"try again in {COPY_SECONDS} s"
                )
            if state == b"changed":
                raise CannotErase("the room has begun another epoch meanwhile; look again")
            await trio.lowlevel.checkpoint()
