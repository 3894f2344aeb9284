"""Writes that must not be undone: acknowledged once they are on disk, or on a replica.

Redis says so by ``WAITAOF`` and ``WAIT``, which block their connection and count only what that
connection wrote. So these writes have a link of their own. What many tasks write is sent together,
and one wait answers for all of it; meanwhile the next writes are collected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Literal, get_args

import trio

from gateway.backplane.redis.connection import Argument
from gateway.backplane.redis.effects import note_possible
from gateway.backplane.redis.errors import Denied, Forbidden, Refused, Unavailable
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.permissions import Permissions
from gateway.backplane.redis.replication import ReplicationIds
from gateway.backplane.redis.schema import Schema
from gateway.backplane.redis.scripts import Script
from gateway.backplane.redis.server import Topology
from gateway.backplane.redis.server_health import ServerHealth

Level = Literal["auto", "none", "local", "replica"]
"""What a write waits for.

- ``auto``: for the disk of the primary, if it keeps an append-only file and has ``WAITAOF``; and
  for one replica, if one is connected;
- ``none``: for nothing;
- ``local``: for the disk of the primary;
- ``replica``: for one replica; for the disk as ``auto`` does.
"""
_LEVELS: Final[dict[str, Level]] = {level: level for level in get_args(Level)}
PATIENCE: Final = 2.0
"""Seconds that the disk may take, and again the replica, until a write counts as uncertain."""
MOST_WAITING: Final = 10_000
"""Commands that wait for the next batch, at most."""

_ONLINE: Final = re.compile(rb"^slave\d+:.*\bstate=online\b", re.MULTILINE)
_QUESTIONS: Final = (("INFO", "replication"), ("INFO", "persistence"))


def level_named(word: str) -> Level:
    """Return a level, given its name; :raises KeyError: if there is none."""
    return _LEVELS[word]


class Uncertain(Unavailable):
    """A write was carried out, but whether it is durable is unknown; a failover may undo it."""

    def __init__(self, why: str) -> None:
        super().__init__(why, uncertain=True)


class DurabilityCheck:
    """Waits until what a link has written is durable, as a level demands."""

    def __init__(self, level: Level, *, patience: float) -> None:
        self._level = level
        self._milliseconds = round(patience * 1000)
        self._without_waitaof = 0
        """The connection on which the server refused ``WAITAOF``; 0 if none did."""

    async def why_not(self, link: Link) -> str:
        """Wait until all that this link wrote before is durable; return why it is not, or "".

        :raises Unavailable: if Redis does not answer.
        """
        if self._level == "none":
            return ""
        replication, persistence = await link.replies_to(_QUESTIONS)
        why = ""
        if self._level == "local" or _keeps_a_file(persistence):
            why = await self._why_not_on_disk(link)
        needs_replica = self._level == "auto" and _has_a_replica(replication)
        if not why and (needs_replica or self._level == "replica"):
            why = await self._why_not_on_a_replica(link)
        return why

    async def _why_not_on_disk(self, link: Link) -> str:
        required = self._level == "local"
        if self._without_waitaof == link.connections:
            return "Redis has no WAITAOF" if required else ""
        [reply] = await link.replies_to([("WAITAOF", 1, 0, self._milliseconds)])
        if isinstance(reply, Forbidden):  # an earlier version, or this user may not
            self._without_waitaof = link.connections
        if isinstance(reply, Refused | Forbidden):  # `Refused`: it keeps no append-only file
            return str(reply) if required else ""
        if isinstance(reply, Exception):
            raise reply
        return "" if reply[0] else "Redis has not written it to its disk in time"

    async def _why_not_on_a_replica(self, link: Link) -> str:
        [reply] = await link.replies_to([("WAIT", 1, self._milliseconds)])
        if isinstance(reply, Forbidden):
            return str(reply) if self._level == "replica" else ""
        if isinstance(reply, Exception):
            raise reply
        return "" if reply else "no replica of Redis has confirmed it in time"


def _keeps_a_file(persistence: object) -> bool:
    """Return whether a server keeps an append-only file; not if this user may not ask."""
    return isinstance(persistence, bytes) and b"aof_enabled:1" in persistence


def _has_a_replica(replication: object) -> bool:
    """Return whether a replica is connected; not if this user may not ask."""
    return isinstance(replication, bytes) and _ONLINE.search(replication) is not None


class _Batch:
    """Commands that are sent together, and what became of them."""

    def __init__(self) -> None:
        self.commands: list[tuple[Argument, ...]] = []
        self.replies: list[Any] = []
        self.failure: Unavailable | None = None
        self.over = trio.Event()


class DurableLink:
    """A link whose calls return once what they have changed is durable.

    - `Unavailable.uncertain` is True if a call may have changed something all the same.
    - A call waits for the batch before its own, and for its own: at most twice what both may take.
    - A cancelled call is carried out all the same.
    """

    def __init__(
        self,
        topology: Topology,
        *,
        name: str,
        timeout: float,
        level: Level = "auto",
        patience: float = PATIENCE,
        health: ServerHealth | None = None,
        schema: Schema | None = None,
        permissions: Permissions | None = None,
        replication: ReplicationIds | None = None,
    ) -> None:
        """Connect as `Link` does; ``patience`` is that for the disk, and again for a replica."""
        self._health = health or ServerHealth()
        self._link = Link(
            topology,
            name=name,
            timeout=timeout + 2 * patience,
            health=self._health,
            schema=schema,
            permissions=permissions,
            replication=replication,
        )
        self._check = DurabilityCheck(level, patience=patience)
        self._collected = _Batch()
        self._wake = trio.Event()

    @property
    def connected(self) -> bool:
        """Whether the connection is up, as far as is known."""
        return self._link.connected

    @property
    def replication_id(self) -> str:
        """The replication id of the server (`Link.replication_id`)."""
        return self._link.replication_id

    async def wait_connected(self) -> None:
        """Wait until there is a connection."""
        await self._link.wait_connected()

    def reconnect(self) -> None:
        """Replace the connection: another server is the right one."""
        self._link.reconnect()

    async def run(self, *, on_moved: Callable[[], None] = lambda: None) -> None:
        """Keep the connection open and carry out the batches; runs for as long as the node does."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(self._link.run, on_moved=on_moved))
                nursery.start_soon(self._carry_out_batches)
        finally:
            self._collected.failure = Unavailable("the node stops")
            self._collected.over.set()

    async def call(self, *command: Argument) -> Any:  # noqa: ANN401
        """Run one command, and return its reply once it is durable.

        :raises Unavailable: as `Link.call` does.
        :raises Uncertain: if it was carried out, and is not durable in time.
        """
        [reply] = await self.call_all([command])
        return reply

    async def run_script(self, script: Script, keys: tuple[str, ...], *arguments: Argument) -> Any:  # noqa: ANN401
        """Run a script, and return its reply; raises as `call` does."""
        return await self.call(*script.command(keys, *arguments))

    async def call_all(self, commands: Sequence[tuple[Argument, ...]]) -> list[Any]:
        """Run commands one after the other, and return their replies; raises as `call` does."""
        if not self._link.connected:
            await trio.lowlevel.checkpoint()
            raise Unavailable("Redis is not connected")
        batch = self._collected
        first = len(batch.commands)
        if first + len(commands) > MOST_WAITING:
            await trio.lowlevel.checkpoint()
            raise Denied("too much waits to be durable")
        batch.commands += commands
        self._wake.set()
        await batch.over.wait()
        return _result(batch, first, len(commands))

    async def _carry_out_batches(self) -> None:
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            batch, self._collected = self._collected, _Batch()
            batch.failure = Uncertain("the node stops")  # unless it gets further than this
            try:
                batch.failure = await self._carry_out(batch)
            finally:
                batch.over.set()

    async def _carry_out(self, batch: _Batch) -> Unavailable | None:
        """Carry out a batch, and wait until it is durable; return why it is not, if so."""
        connection = self._link.connections
        try:
            batch.replies = await self._link.replies_to(batch.commands)
            if all(isinstance(reply, Exception) for reply in batch.replies):
                return None
        except Unavailable as error:
            return error
        try:
            why = await self._check.why_not(self._link)
        except Unavailable as error:
            return Uncertain(str(error))
        if self._link.connections != connection:
            # Another connection does not know what this one wrote.
            return Uncertain("the connection to Redis was lost")
        if not why:
            return None
        self._health.warn((f"what must not be undone is not durable in time: {why}",))
        return Uncertain(why)


def _result(batch: _Batch, first: int, count: int) -> list[Any]:
    """Return the replies to one call in a batch; raises what became of it otherwise."""
    replies = batch.replies[first : first + count]
    failures = [reply for reply in replies if isinstance(reply, Exception)]
    if len(failures) < len(replies) or any(_is_uncertain(each) for each in failures):
        note_possible()
    if failures:
        raise failures[0]
    if batch.failure is not None:
        if batch.failure.uncertain:
            note_possible()
        # Each task has an exception of its own: a traceback is added where it is raised.
        raise (
            Uncertain(str(batch.failure))
            if batch.failure.uncertain
            else Unavailable(str(batch.failure))
        )
    return replies


def _is_uncertain(error: Exception) -> bool:
    return isinstance(error, Unavailable) and error.uncertain
