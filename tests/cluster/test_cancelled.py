"""Cancelled at every step that there is: nothing leaks, and nothing is left half done."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, Final

import trio

from gateway.net.client_address import ClientAddress
from gateway.server.connection import Connection
from gateway.wire.close_codes import DRAINING
from tests.cluster.inside import Client, command, running_node, start_nothing
from tests.memory_transport import memory_connection
from tests.redis_server import RedisServer
from tests.waiting import until
from tests.websocket import CLOSE, encode_close, encode_frame, handshake, take_frame

MOST_STEPS: Final = 500


class AtStep(trio.abc.Instrument):
    """Does something once the task that made it has come to its n-th step from here."""

    def __init__(self, step: int, act: Callable[[], None]) -> None:
        self._left = step
        self._act = act
        self._task = trio.lowlevel.current_task()

    @property
    def has_acted(self) -> bool:
        return self._left <= 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if task is self._task:
            self._left -= 1
            if self._left == 0:
                self._act()


async def at_every_step(work: Callable[[], Awaitable[None]]) -> AsyncIterator[int]:
    """Do it again and again, cancelled at each of its steps in turn, until it is done before."""
    for step in range(1, MOST_STEPS):
        with trio.CancelScope() as scope:
            instrument = AtStep(step, scope.cancel)
            trio.lowlevel.add_instrument(instrument)
            try:
                await work()
            finally:
                trio.lowlevel.remove_instrument(instrument)
        yield step
        if not scope.cancelled_caught and not scope.cancel_called:
            return
    raise AssertionError("it never ends")


def tasks() -> int:
    return trio.lowlevel.current_statistics().tasks_living


async def test_a_call_that_is_cancelled_leaves_the_link_in_step(redis_server: RedisServer) -> None:
    redis_server.url = redis_server.admin_url  # no node may say ECHO
    async with running_node(redis_server) as node:
        link = node.context.backplane.link

        async def work() -> None:
            for number in range(3):
                assert await link.call("ECHO", str(number)) == str(number).encode()
            assert await link.call_all([("ECHO", "a"), ("ECHO", "b")]) == [b"a", b"b"]

        async for step in at_every_step(work):
            assert await link.call("ECHO", f"after {step}") == f"after {step}".encode()


async def test_a_session_that_is_cancelled_leaves_nothing(redis_server: RedisServer) -> None:
    """In a claim, a join, a message, a rename, a leave: all is given back in the end."""
    async with running_node(redis_server) as node:
        steps = 0
        before = tasks()

        async def work() -> None:
            session = Client(node)
            try:
                for fields in _COMMANDS:
                    await command(session, **fields)
            finally:
                session.end()

        async for step in at_every_step(work):
            await until(
                lambda: (
                    redis_server.ask("KEYS", "*nicks*")
                    == redis_server.ask("KEYS", "*:members")
                    == []
                    and not node.context.relay.rooms
                    and not node.context.registry.sessions
                    and tasks() == before
                ),
                f"all to be given back after step {step}",
            )
            assert list(node.context.registry.rooms) == []
            steps = step
        assert steps > len(_COMMANDS)


_COMMANDS: Final[list[dict[str, Any]]] = [
    {"type": "hello", "nick": "alice"},
    {"type": "join", "room": "lobby"},
    {"type": "send", "room": "lobby", "text": "hello"},
    {"type": "nick", "nick": "alicia"},
    {"type": "join", "room": "cafe"},
    {"type": "history", "room": "lobby"},
    {"type": "leave", "room": "cafe"},
]


async def test_a_rename_that_is_cancelled_leaves_a_name_that_the_node_knows(
    redis_server: RedisServer,
) -> None:
    """Else the session, parked, would sooner or later claim a name that is somebody else's."""
    async with running_node(redis_server, grace=60) as node:
        outcomes: set[str] = set()
        sessions: list[Client] = []

        async def work() -> None:
            session = Client(node)
            sessions.append(session)
            with trio.CancelScope(shield=True):
                await command(session, "hello", nick="Alice")
            try:
                await command(session, "nick", nick="Alicia")
            finally:
                session.end()

        async def agreed() -> bool:
            record = sessions[-1].record
            owned = redis_server.ask("HVALS", "chat:{nicks}")
            return bool(owned == [f"{record.sid} {node.name} {record.term} {record.line}"])

        async for step in at_every_step(work):
            await node.context.backplane.link.call("TIME")  # behind what was under way
            await until(agreed, f"node and Redis to agree after step {step}")
            outcomes.add(sessions[-1].nick)
            node.context.registry.release(sessions[-1].record)
            await node.context.registry.all_released()
        assert outcomes == {"Alice", "Alicia"}


async def test_a_connection_that_is_closed_at_any_step_ends_with_a_whole_close_frame(
    redis_server: RedisServer,
) -> None:
    async with running_node(redis_server) as node:
        before = tasks()

        commands = [json.dumps(fields | {"id": fields["type"]}) for fields in _COMMANDS]
        frames = [*(encode_frame(each.encode()) for each in commands), encode_close(1000)]
        for step in range(1, MOST_STEPS):
            transport, client = memory_connection()
            await client.send_all(handshake() + b"".join(frames))
            await client.send_eof()
            connection = Connection(node.context, transport, ClientAddress("test"), start_nothing)
            instrument = AtStep(step, partial(connection.close, DRAINING))
            trio.lowlevel.add_instrument(instrument)
            try:
                await connection.serve()
            finally:
                trio.lowlevel.remove_instrument(instrument)
            received = bytearray()
            async for chunk in client:
                received += chunk
            head, _, sent = received.partition(b"\r\n\r\n")
            if head:
                assert b" 101 " in head
                last = None
                while frame := take_frame(sent):
                    last = frame.opcode
                assert last == CLOSE, f"step {step}: {received!r}"
                assert not sent, f"half a frame in step {step}: {received!r}"
            await until(lambda: tasks() == before, f"its tasks to end after step {step}")
            if not instrument.has_acted:
                return
        raise AssertionError("it never ends")
