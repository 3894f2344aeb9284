"""The number of the format in which a cluster's data are stored, kept beside them.

A node reads data of its own number only: where it finds another one it says so and does not serve.
The number is raised by each change that nodes of the release before could not bear beside them
(CHANGELOG.md says how to upgrade). It is noted by the first node that finds nothing stored.

Releases before the number kept the register of nodes under another key, by which they are known.
"""

from __future__ import annotations

from typing import Any, Final

import trio

from gateway.backplane.redis.connection import CONNECT_SECONDS, RedisConnection, RedisConnectionLost
from gateway.backplane.redis.errors import Unavailable, Unsuitable

NUMBER: Final = 2

Command = tuple[str | int, ...]


class Schema:
    """What a namespace says of the format of its data."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._key = f"{namespace}:schema"
        self._unnumbered = f"{namespace}:nodes"

    @property
    def questions(self) -> tuple[Command, ...]:
        """The commands whose replies `problem` judges."""
        return ("GET", self._key), ("EXISTS", self._unnumbered)

    @property
    def note(self) -> Command:
        """The command that notes this release's number, unless there is one."""
        return "SET", self._key, NUMBER, "NX"

    def is_missing(self, replies: list[Any]) -> bool:
        """Return whether nothing is stored that another release could have written."""
        number, unnumbered = replies
        return number is None and not unnumbered

    def problem(self, replies: list[Any]) -> str:
        """Return why the data cannot be read by this release; empty if they can, or are none."""
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
        """See that what is stored can be read, and note the number where nothing is.

        For a new connection, before anything else uses it.

        :raises Unsuitable: if it cannot.
        :raises RedisConnectionLost: if that cannot be found out.
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
