"""Plain commands: each is sent once, over the connection that there is."""

from __future__ import annotations

import itertools
import secrets
from abc import ABC, abstractmethod
from typing import TypeVar

import trio

from gateway import wire

OkT = TypeVar("OkT", bound=wire.Ok)


class Commands(ABC):
    """What can be asked of a node; raises as `client.session.Session`."""

    def __init__(self) -> None:
        prefix = secrets.token_hex(4)
        self._ids = (f"{prefix}-{number}" for number in itertools.count(1))

    @abstractmethod
    async def command(self, command: wire.Command, answer: type[OkT]) -> OkT:
        """Send any command that has an id and give its answer."""

    async def history(
        self, room: str, *, before: int | None = None, limit: int = 50
    ) -> wire.HistoryPage:
        """Read messages of a joined room that came before ``before``, or the newest ones."""
        command = wire.History(id=next(self._ids), room=room, before=before, limit=limit)
        return await self.command(command, wire.HistoryPage)

    async def members(self, room: str) -> wire.MemberList:
        """List everybody in a joined room."""
        return await self.command(wire.Members(id=next(self._ids), room=room), wire.MemberList)

    async def list_rooms(self) -> list[wire.RoomInfo]:
        """List the rooms that exist, the fullest first."""
        return (await self.command(wire.Rooms(id=next(self._ids)), wire.RoomList)).rooms

    async def typing(self, *, room: str | None = None, to: str | None = None) -> None:
        """Tell a joined room, or one person, that one is writing; at most each 2 s is told on."""
        await self.command(wire.NoteTyping(id=next(self._ids), room=room, to=to), wire.Ok)

    async def ping(self) -> float:
        """Ask the node for a sign of life; gives the seconds that took."""
        began = trio.current_time()
        await self.command(wire.Ping(id=next(self._ids)), wire.Ok)
        return trio.current_time() - began
