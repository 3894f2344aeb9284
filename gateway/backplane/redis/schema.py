"""The schema number: the format in which a cluster's data are stored in Redis.

A node serves only data of its own number, whose names were compared by its own version of Unicode;
the first node that finds no data stores both. Raise the number with each change after which nodes
of the release before cannot use the data; `gateway.backplane.upgrade` converts them. Data of
releases without a number are recognised by the key of their node register.
"""

from __future__ import annotations

from typing import Any, Final

from gateway.backplane.redis.connection import RedisConnection, RedisConnectionLost, answers_in_time
from gateway.backplane.redis.errors import Unavailable, Unsuitable

NUMBER: Final = 4
UPGRADING: Final = "upgrading"
"""In place of the number while data are converted: no node serves them."""
CONVERTIBLE: Final = ("2", "3", str(NUMBER), UPGRADING)
"""What may be stored as the number of data that can be converted to `NUMBER`."""

Command = tuple[str | int, ...]


class Schema:
    """The schema of the data in a namespace; ``unicode`` is this node's version of Unicode."""

    def __init__(self, namespace: str, *, unicode: str) -> None:
        self._namespace = namespace
        self._unicode = unicode
        self.key = f"{namespace}:schema"
        self._unicode_key = f"{namespace}:unicode"
        self._unnumbered = f"{namespace}:nodes"

    @property
    def described(self) -> str:
        """The schema and the Unicode version of this release, in words."""
        return f"schema {NUMBER}, with names as in Unicode {self._unicode}"

    @property
    def questions(self) -> tuple[Command, ...]:
        """The commands whose replies `is_missing` and `problem` take."""
        return ("GET", self.key), ("EXISTS", self._unnumbered), ("GET", self._unicode_key)

    @property
    def notes(self) -> tuple[Command, ...]:
        """The commands that store this release's number and Unicode version, if none are stored."""
        return (
            ("SET", self.key, NUMBER, "NX"),
            ("SET", self._unicode_key, self._unicode, "NX"),
        )

    @property
    def upgrading(self) -> Command:
        """The command that keeps all nodes from the data."""
        return "SET", self.key, UPGRADING

    @property
    def upgraded(self) -> Command:
        """The command that stores this release's number and Unicode version."""
        return "MSET", self._unicode_key, self._unicode, self.key, NUMBER

    def is_missing(self, replies: list[Any]) -> bool:
        """Return whether there is neither a number nor data of a release without one.

        Also if only the Unicode version is missing.
        """
        number, unnumbered, unicode = replies
        ours = number in {None, str(NUMBER).encode()}
        return ours and not unnumbered and (number is None or unicode is None)

    def problem(self, replies: list[Any]) -> str:
        """Return why this release cannot use the data; empty if it can."""
        number, unnumbered, unicode = replies
        stale = ""
        if unnumbered:
            found, stale = "1", f"; if none runs, delete {self._unnumbered}"
        elif number in {None, str(NUMBER).encode()}:
            return self._unicode_problem(unicode)
        else:
            found = _printable(number)
        if found == UPGRADING:
            return (
                f"the data under {self._namespace!r} in Redis are being upgraded: wait, or if that "
                "was broken off, run `chat-gateway admin upgrade` again"
            )
        remedy = f"stop the nodes of the other release{stale}"
        if found in CONVERTIBLE:
            remedy += " and run `chat-gateway admin upgrade`"
        return (
            f"the data under {self._namespace!r} in Redis are of schema {found}, this release has "
            f"{NUMBER}: {remedy}, or use another --namespace (see CHANGELOG.md)"
        )

    def _unicode_problem(self, stored: bytes | None) -> str:
        if stored in {None, self._unicode.encode()}:
            return ""
        return (
            f"the names under {self._namespace!r} in Redis are compared by Unicode "
            f"{_printable(stored or b'')}, this node has {self._unicode}: run the same release on "
            "every node; to change all to this one, stop them and run `chat-gateway admin upgrade`"
        )

    async def check(self, connection: RedisConnection) -> None:
        """Check the schema on a new connection, and store the number if there is none.

        :raises Unsuitable: if this release cannot use the data.
        :raises RedisConnectionLost: if that could not be checked.
        """
        with answers_in_time():
            replies = await _ask(connection, *self.questions)
            if self.is_missing(replies):
                await _ask(connection, *self.notes)
                replies = await _ask(connection, *self.questions)
        if problem := self.problem(replies):
            raise Unsuitable(problem)


def _printable(stored: bytes) -> str:
    return ascii(stored[:16].decode("latin-1"))[1:-1]


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
