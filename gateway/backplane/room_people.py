"""The people in rooms: what changes for all sessions of an account in one published change."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from gateway.backplane import member_line
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.scripts import CHANGE_PERSON, SUCCEED
from gateway.backplane.room_keys import RoomKeys
from gateway.wire import State


class RoomPeople:
    """The people in all rooms. Every method raises `Unavailable` if Redis cannot answer."""

    def __init__(
        self, link: Link, *, keys: Callable[[str], RoomKeys], incarnation: Incarnation
    ) -> None:
        self._link = link
        self._keys = keys
        self._incarnation = incarnation

    async def change(
        self,
        room: str,
        account: str,
        *,
        nick: str | None = None,
        status: tuple[State, str] | None = None,
    ) -> int:
        """Change an account's member line in a room, on all its devices in one published change.

        - ``nick``: the new nickname, already reserved; None to keep it;
        - ``status``: state and text that were chosen, on an idle device the text alone; None to
          keep them.

        :returns: the number of sessions whose line changed; 0 if nothing was to be changed.
        """
        keys = self._keys(room)
        state, text = ("", "") if status is None else status
        changed: int = await self._link.run_script(
            CHANGE_PERSON, keys.all(), keys.channel, account, nick or "",
            state and member_line.REGISTERED + state, text,
            member_line.REGISTERED + member_line.IDLE,
        )  # fmt: skip
        return changed

    async def succeed(
        self, room: str, session: str, successor: str, line: str, *, term: int
    ) -> bool:
        """Give a session's place to a session of this node; return whether it was a member.

        - ``line``, ``term``: those of the successor;
        - others are told of one change of one member, if both have the same nickname.
        """
        keys = self._keys(room)
        here = msgspec.json.encode({successor: line})
        gone = msgspec.json.encode([session])
        replaced: int = await self._link.run_script(
            SUCCEED, keys.all(), session, successor, f"{self._incarnation.name} {term} {line}",
            keys.channel, b',"here":' + here + b',"gone":' + gone + b"}",
        )  # fmt: skip
        return bool(replaced)
