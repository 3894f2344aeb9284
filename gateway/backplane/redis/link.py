"""The command connection: commands of many tasks go out together, in one write."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import outcome
import trio

from gateway.backplane.redis.connection import (
    Argument,
    Pipeline,
    Reconnector,
    RedisConnection,
    RedisConnectionLost,
    serve_one_connection,
)
from gateway.backplane.redis.effects import note_possible
from gateway.backplane.redis.errors import (
    Denied,
    NoScript,
    ReadOnly,
    Refused,
    Unavailable,
    Unsuitable,
)
from gateway.backplane.redis.permissions import Permissions
from gateway.backplane.redis.refused_commands import RefusedCommands
from gateway.backplane.redis.replication import ReplicationIds
from gateway.backplane.redis.schema import Schema
from gateway.backplane.redis.scripts import ALL_SCRIPTS, SOURCES, Script
from gateway.backplane.redis.server import RedisEndpoint, Topology
from gateway.backplane.redis.server_check import INFO, check_facts, read_facts
from gateway.backplane.redis.server_health import ServerHealth

LOAD_SCRIPTS: Final[list[tuple[Any, ...]]] = [
    ("SCRIPT", "LOAD", each.source) for each in ALL_SCRIPTS
]
"""The first commands on a command connection."""
REPLIES_PER_ROUND: Final = 32
"""Replies that one round of Trio's loop hands to the tasks that wait for them, at most."""
RECHECK_SECONDS: Final = 10.0
"""Seconds between checks that the server is still suitable: its settings may change."""

_ONLY_READ: Final = frozenset({"EXISTS", "HEXISTS", "HGET", "HGETALL", "XREVRANGE"})
"""The commands, of those that clients' commands need, that change nothing."""


class _Call:
    """A command without a reply so far: the task that waits for it, and since when."""

    __slots__ = ("command", "reply", "sent_at", "task")

    def __init__(self, task: trio.lowlevel.Task | None, sent_at: float) -> None:
        self.task = task
        self.sent_at = sent_at
        self.command: tuple[Argument, ...] = ()
        self.reply: Any = None

    @property
    def may_have_effects(self) -> bool:
        """Whether the command may change anything."""
        return self.command[0] not in _ONLY_READ

    @property
    def has_succeeded(self) -> bool:
        """Whether Redis has carried out the command of a call that no task waits for."""
        return self.reply is not None and not isinstance(self.reply, Exception)


async def _wait_for_reply(call: _Call) -> Any:  # noqa: ANN401
    """Wait for a reply and return it; if the wait is cancelled, the reply is dropped.

    Notes whether the command may have taken effect (`gateway.backplane.redis.effects`).
    """

    def abandon(_: object) -> trio.lowlevel.Abort:
        call.task = None
        return trio.lowlevel.Abort.SUCCEEDED

    try:
        reply = await trio.lowlevel.wait_task_rescheduled(abandon)
    except Unavailable as error:
        if error.uncertain:
            note_possible()
        raise
    if call.may_have_effects:
        note_possible()
    return reply


class Link:
    """One pipelined connection to Redis, shared by everything on the node.

    - Commands take effect in the order of the calls.
    - A cancelled call is carried out all the same; its reply is dropped.
    - Without a connection a call fails at once; without a reply within ``timeout`` seconds the
      connection fails with all its calls. So callers need no timeouts of their own.
    - `Unavailable.uncertain` is False for a call that was never sent, or whose refusal by Redis
      changed nothing.
    """

    def __init__(
        self,
        topology: Topology,
        *,
        name: str,
        timeout: float,
        health: ServerHealth | None = None,
        schema: Schema | None = None,
        permissions: Permissions | None = None,
        replication: ReplicationIds | None = None,
    ) -> None:
        """Connect to the server of a topology.

        With ``schema``, only if its data have it; with ``permissions``, only if we have them.
        """
        self._name = name
        self._timeout = timeout
        self._health = health or ServerHealth()
        self._schema = schema
        self._permissions = permissions
        self._replication = replication or ReplicationIds()
        self._reconnector = Reconnector(topology, name, self._health)
        self._pipeline = Pipeline()
        self._pending: deque[_Call] = deque()
        self._refused = RefusedCommands(name)
        self._up = trio.Event()
        self.replication_id = ""
        """The id of the server's data, the same for all nodes (`ReplicationIds`)."""
        self.connections = 0
        """How many connections there have been, with the present one."""

    @property
    def connected(self) -> bool:
        """Whether the connection is up, as far as is known."""
        return self._up.is_set()

    @property
    def refusal(self) -> str:
        """A required command that Redis refuses for all keys, and why; empty if there is none."""
        return self._refused.why

    async def run(self, *, on_moved: Callable[[], None] = lambda: None) -> None:
        """Keep the connection open; runs for as long as the node does.

        ``on_moved`` is called when a new connection finds another `replication_id`, before anything
        is sent on it.
        """
        serve = partial(self._serve, on_moved=on_moved)
        await self._reconnector.run(LOAD_SCRIPTS, serve)

    async def run_once(self) -> str:
        """Connect once; return why that failed, or why the connection was lost."""
        serve = partial(self._serve, on_moved=lambda: None)
        away = await serve_one_connection(
            self._reconnector.topology, self._name, LOAD_SCRIPTS, serve, self._health
        )
        return away or self._health.why_unsuitable

    async def call(self, *command: Argument) -> Any:  # noqa: ANN401
        """Run one command, and return its reply; bulk strings are bytes.

        :raises Unavailable: if Redis is away, or cannot do it now.
        :raises Refused: if the command or its key is wrong; a subclass of `Unavailable`.
        """
        await self._require_connection()
        call = _Call(trio.lowlevel.current_task(), trio.current_time())
        self._enqueue(call, command)
        return await _wait_for_reply(call)

    async def call_all(self, commands: Sequence[tuple[Argument, ...]]) -> list[Any]:
        """Send commands together, and return their replies; raises as `call` does.

        They may run scripts (`Script.command`); one that Redis does not have is sent and run last.
        """
        replies = await self.try_all(commands)
        for reply in replies:
            if isinstance(reply, Refused):
                raise reply
        return replies

    async def try_all(self, commands: Sequence[tuple[Argument, ...]]) -> list[Any]:
        """Run commands as `call_all` does, but return each `Refused` in place of its reply."""
        replies = await self.replies_to(commands)
        for reply in replies:
            if isinstance(reply, Exception) and not isinstance(reply, Refused):
                raise reply
        return replies

    async def replies_to(self, commands: Sequence[tuple[Argument, ...]]) -> list[Any]:
        """Run commands as `call_all` does, but return each error in place of its reply.

        :raises Unavailable: if the connection is lost before all have been answered.
        """
        if not commands:
            await trio.lowlevel.checkpoint()
            return []
        await self._require_connection()
        now = trio.current_time()
        calls = [_Call(None, now) for _ in commands]
        # Replies come in order: with the last one all are there.
        calls[-1].task = trio.lowlevel.current_task()
        for call, command in zip(calls, commands, strict=True):
            self._enqueue(call, command)
        try:
            last = await _wait_for_reply(calls[-1])
        except (Denied, NoScript, ReadOnly, Refused) as error:
            last = error
        finally:
            if any(call.has_succeeded and call.may_have_effects for call in calls[:-1]):
                note_possible()
        replies = [*(call.reply for call in calls[:-1]), last]
        for number, reply in enumerate(replies):
            if isinstance(reply, NoScript):
                replies[number] = await self._run_forgotten(commands[number])
        return replies

    async def _run_forgotten(self, command: tuple[Argument, ...]) -> Any:  # noqa: ANN401
        """Run a script that Redis does not have; return its reply, or the error in its place."""
        try:
            return await self.call("EVAL", SOURCES[str(command[1])], *command[2:])
        except Unavailable as error:
            return error

    async def wait_connected(self) -> None:
        """Wait until there is a connection."""
        await self._up.wait()

    async def run_script(self, script: Script, keys: tuple[str, ...], *arguments: Argument) -> Any:  # noqa: ANN401
        """Run a script, and return its reply; raises as `call` does."""
        try:
            return await self.call("EVALSHA", script.sha, len(keys), *keys, *arguments)
        except NoScript:
            return await self.call("EVAL", script.source, len(keys), *keys, *arguments)

    def reconnect(self) -> None:
        """Replace the connection: another server is the right one."""
        self._reconnector.reconnect()

    async def _serve(self, connection: RedisConnection, *, on_moved: Callable[[], None]) -> None:
        if self._schema is not None:
            await self._schema.check(connection)
        if self._permissions is not None:
            self._health.warn(await self._permissions.check(connection))
        before = self.replication_id
        self.replication_id = await self._replication.read(connection) or before
        if "" != before != self.replication_id:
            on_moved()
        self._health.mark_usable(self._name, connection.server.place)
        self._refused.blocking.clear()
        self.connections += 1
        self._up.set()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._pipeline.run, connection)
                nursery.start_soon(self._read, connection)
                nursery.start_soon(self._require_answers)
                if connection.report.replication_id:  # else this user may not run INFO
                    nursery.start_soon(self._recheck, connection.server)
        finally:
            self._fail_pending()

    async def _require_connection(self) -> None:
        if not self._up.is_set():
            await trio.lowlevel.checkpoint()
            raise Unavailable("Redis is not connected")

    def _enqueue(self, call: _Call, command: tuple[Argument, ...]) -> None:
        self._pipeline.put(command)  # first: what cannot be encoded raises, and gets no reply
        call.command = command
        self._pending.append(call)

    def _fail_pending(self) -> None:
        self._up = trio.Event()
        unsent = self._pipeline.clear()
        while self._pending:
            call = self._pending.popleft()
            if call.task is not None:
                # Calls are sent in their order: those that were not are the last ones.
                was_sent = len(self._pending) >= unsent
                uncertain = was_sent and call.may_have_effects
                lost = Unavailable("the connection to Redis was lost", uncertain=uncertain)
                trio.lowlevel.reschedule(call.task, outcome.Error(lost))

    async def _read(self, connection: RedisConnection) -> None:
        while True:
            replies = await connection.receive()
            await self._reconnector.topology.certain()
            for number, reply in enumerate(replies, 1):
                if number % REPLIES_PER_ROUND == 0:  # else all of their tasks would run in one
                    await trio.lowlevel.checkpoint()
                if not self._pending:
                    raise RedisConnectionLost("a reply that nobody asked for")
                self._hand_over(self._pending.popleft(), reply)
                if isinstance(reply, ReadOnly):
                    raise RedisConnectionLost(str(reply))

    def _hand_over(self, call: _Call, reply: Any) -> None:  # noqa: ANN401
        """Resume the task that waits for a reply; if none does, record the reply in its call."""
        failed = isinstance(reply, Exception)
        if failed:
            if isinstance(reply, Unavailable) and not reply.passes:
                self._refused.add(call.command, reply, trio.current_time())
        elif self._refused.blocking:
            self._refused.succeeded(call.command)
        if call.task is None:
            call.reply = reply
        elif failed:
            trio.lowlevel.reschedule(call.task, outcome.Error(reply))
        else:
            trio.lowlevel.reschedule(call.task, outcome.Value(reply))

    async def _require_answers(self) -> None:
        """Close the connection once the oldest call has waited too long.

        Replies come in order; one timer for the connection costs less than one for each call.
        """
        while True:
            await trio.sleep(self._timeout / 4)
            if self._pending and trio.current_time() - self._pending[0].sent_at > self._timeout:
                raise RedisConnectionLost(f"no answer for {self._timeout:g} s")

    async def _recheck(self, server: RedisEndpoint) -> None:
        """Check the server at intervals; close the connection if it cannot be used any more."""
        while True:
            await trio.sleep(RECHECK_SECONDS)
            try:
                info = await self.call_all(INFO)
            except Unavailable:
                continue  # why it does not answer is noticed elsewhere
            eviction = self._health.refuse_eviction
            found = check_facts(server, read_facts(info), refuse_eviction=eviction)
            self._health.warn(found.warnings)
            if found.unsuitable:
                raise Unsuitable(found.unsuitable)
            if found.unavailable:
                raise RedisConnectionLost(found.unavailable)
            await self._recheck_schema()

    async def _recheck_schema(self) -> None:
        """Close the connection if the data have another schema; store ours if they have none."""
        if self._schema is None:
            return
        try:
            replies = await self.call_all(self._schema.questions)
            if self._schema.is_missing(replies):
                await self.call_all(self._schema.notes)
        except Unavailable:
            return
        if problem := self._schema.problem(replies):
            raise Unsuitable(problem)
