"""The schema number: the format in which a cluster's data are stored in Redis.

A node serves only data of its own number; the first node that finds no data stores it. Raise it
with each change after which nodes of the release before cannot use the data; CHANGELOG.md says how
to upgrade. Data of releases without a number are recognised by the key of their node register.
"""

from __future__ import annotations

from typing import Any, Final

import trio

from gateway.backplane.redis.connection import CONNECT_SECONDS, RedisConnection, RedisConnectionLost
from gateway.backplane.redis.errors import Unavailable, Unsuitable

NUMBER: Final = 2

Command = tuple[str | int, ...]


class Schema:
    """The schema of the data in a namespace."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._key = f"{namespace}:schema"
        self._unnumbered = f"{namespace}:nodes"

    @property
    def questions(self) -> tuple[Command, ...]:
        """The commands whose replies `is_missing` and `problem` take."""
        return ("GET", self._key), ("EXISTS", self._unnumbered)

    @property
    def note(self) -> Command:
        """The command that stores this release's number, unless there is one."""
        return "SET", self._key, NUMBER, "NX"

    def is_missing(self, replies: list[Any]) -> bool:
        """Return whether there is neither a number nor data of a release without one."""
        number, unnumbered = replies
        return number is None and not unnumbered

    def problem(self, replies: list[Any]) -> str:
        """Return why this release cannot use the data; empty if it can."""
        number, unnumbered = replies
        if unnumbered:
            found, stale = "1", f"; if none runs, delete {self._unnumbered}"
        elif number in {None, str(NUMBER).encode()}:
            return ""
        else:
            found, stale = number[:16].decode("ascii", "backslashreplace"), ""
        return (
            f"the data under {self._namespace!r} in Redis are of schema {found}, this release has "
            f"{NUMBER}: stop the nodes of the other release{stale}, or use another --namespace "
            "(see CHANGELOG.md)"
        )

    async def check(self, connection: RedisConnection) -> None:
        """Check the schema on a new connection, and store the number if there is none.

        :raises Unsuitable: if this release cannot use the data.
        :raises RedisConnectionLost: if that could not be checked.
        """
        try:
            with trio.fail_after(CONNECT_SECONDS):
                replies = await _ask(connection, *self.questions)
                if self.is_missing(replies):
                    await _ask(connection, self.note)
                    replies = await _ask(connection, *self.questions)
        except trio.TooSlowError:
            raise RedisConnectionLost("connected, but no answer") from None
        if problem := self.problem(replies):
            raise Unsuitable(problem)


async def _ask(connection: RedisConnection, *commands: Command) -> list[Any]:
    replies = await connection.exchange(list(commands))
    for command, reply in zip(commands, replies, strict=False):
        if isinstance(reply, Unavailable) and not reply.passes:
            raise Unsuitable(f"Redis refuses {command[0]} {command[1]}: {reply}")
        if isinstance(reply, Exception):
            raise RedisConnectionLost(str(reply)) from reply
    if len(replies) < len(commands):
        raise RedisConnectionLost("Redis closed the connection")
    return replies
