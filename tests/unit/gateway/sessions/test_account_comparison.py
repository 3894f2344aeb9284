"""What a node reads of an account when it compares does not undo what happens meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import trio
from trio.testing import wait_all_tasks_blocked

from gateway.backplane.accounts import Account
from gateway.sessions.accounts import NodeAccounts
from gateway.sessions.record import SessionRecord
from gateway.sessions.states import RoomState, SessionState

ACCOUNT = "0123456789abcdef"
OLD, NEW = (f"{ACCOUNT}.{device * 12}.x" for device in "ab")


class Node:
    """The parts of a node that a comparison needs; Redis answers once ``answers`` is set.

    Redis knows the device of `OLD` alone, which is in the kitchen.
    """

    def __init__(self) -> None:
        self.asked, self.answers = trio.Event(), trio.Event()
        self.sessions: dict[str, SessionRecord] = {}
        self.followed: dict[str, set[str]] = {}
        self.ended: list[str] = []
        self.left: list[str] = []
        accounts = SimpleNamespace(read=self._read)
        devices = SimpleNamespace(of=self._known({"a" * 12: object()}))
        rooms = SimpleNamespace(rooms=self._known({"kitchen": "kitchen"}))
        backplane = SimpleNamespace(accounts=accounts, devices=devices, account_rooms=rooms)
        channels = SimpleNamespace(
            hold=lambda _: None, release=lambda _: None, subscribe=self._known(None)
        )
        self.accounts = NodeAccounts(
            cast("Any", backplane),
            cast("Any", SimpleNamespace(accounts=channels)),
            cast("Any", self),
        )

    async def _read(self, account: str) -> Account:
        self.asked.set()
        await self.answers.wait()
        return Account(id=account, nick="anna", folded="anna")

    @staticmethod
    def _known(answer: object) -> Any:
        async def known(_: str) -> object:
            await trio.lowlevel.checkpoint()
            return answer

        return known

    async def begin(self, sid: str, *rooms: str) -> None:
        """Have a session that is in rooms."""
        await self.accounts.arrive(sid)
        self.sessions[sid] = SessionRecord(sid, SessionState.CONNECTED)
        for room in rooms:
            self.join(sid, room)

    def join(self, sid: str, room: str) -> None:
        """Have a session join a room."""
        self.sessions[sid].rooms[room] = RoomState.FOLLOWED
        self.followed.setdefault(room, set()).add(sid)

    @asynccontextmanager
    async def comparing(self) -> AsyncIterator[None]:
        """Compare with what Redis had at the beginning of this context."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.accounts.run)
            self.accounts.recheck()
            await self.asked.wait()
            yield
            self.answers.set()
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()

    # --- as a registry ------------------------------------------------------------------------

    def followers(self, room: str) -> set[str]:
        """Return who gets the messages of a room."""
        return self.followed.get(room, set())

    def release(self, record: SessionRecord, _closing: object) -> None:
        """Note that a session was ended."""
        self.ended.append(record.sid)

    def give_back(self, _record: SessionRecord, room: str) -> None:
        """Note that a session left a room."""
        self.left.append(room)


async def test_a_device_that_is_unknown_and_a_room_that_was_left_are_noticed() -> None:
    node = Node()
    await node.begin(OLD, "kitchen", "garden")
    await node.begin(NEW)
    async with node.comparing():
        pass
    assert (node.ended, node.left) == ([NEW], ["garden"])


async def test_a_device_that_signs_in_meanwhile_is_not_signed_out() -> None:
    node = Node()
    await node.begin(OLD, "kitchen")
    async with node.comparing():
        await node.begin(NEW)
    assert node.ended == []


async def test_a_room_that_is_joined_meanwhile_is_not_left() -> None:
    node = Node()
    await node.begin(OLD, "kitchen")
    async with node.comparing():
        node.join(OLD, "garden")
    assert node.left == []
