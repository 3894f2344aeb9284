"""The permissions that a node needs in Redis, and the check for them on a new connection.

``deploy/redis-users.acl`` grants exactly these; ``deploy/REDIS.md`` says what they are for.
"""

from __future__ import annotations

from typing import Any, Final

from gateway.backplane.redis.connection import RedisConnection, RedisConnectionLost, answers_in_time
from gateway.backplane.redis.errors import NoScript, Unavailable, Unsuitable, says_forbidden
from gateway.backplane.redis.scripts import PERMISSIONS
from gateway.backplane.redis.server_check import DISPENSABLE, warn_of_missing

CONNECTION_COMMANDS: Final = (
    "client|setname", "eval", "evalsha", "hello", "info", "script|load", "select", "subscribe",
    "unsubscribe", "wait", "waitaof",
)  # fmt: skip
"""What a node needs beside the commands that `PERMISSIONS` tries, as ACL rules name them."""


class Permissions:
    """What a node's user must be allowed to do with the keys and channels of a cluster."""

    def __init__(self, namespace: str, scope: str) -> None:
        """Take the prefix of the cluster's keys, and that of its channels."""
        self._question = (f"{namespace}:{{permissions}}",), f"{scope}:{{room:}}"

    async def check(self, connection: RedisConnection) -> tuple[str, ...]:
        """Check on a new connection that its user may do all that a node needs.

        :returns: a warning about each permission that is missing, and dispensable.
        :raises Unsuitable: naming the commands that are needed and refused.
        :raises RedisConnectionLost: if that could not be checked.
        """
        with answers_in_time():
            failed = await self._attempt(connection)
        place = connection.server.place
        refused = {
            command.decode(): text
            for command, error in zip(failed[::2], failed[1::2], strict=True)
            if says_forbidden(text := error.decode("utf-8", "replace"))
        }
        needed = [command for command in refused if command not in DISPENSABLE]
        if needed:
            raise Unsuitable(
                f"Redis at {place} refuses {', '.join(needed)}: {refused[needed[0]]} "
                "(deploy/REDIS.md lists what a node's user needs)"
            )
        return warn_of_missing(place, refused)

    async def _attempt(self, connection: RedisConnection) -> list[bytes]:
        """Run the script; return pairs of a command and an error."""
        keys, channel = self._question
        [reply] = await connection.exchange([PERMISSIONS.command(keys, channel)])
        if isinstance(reply, NoScript):
            source: tuple[Any, ...] = "EVAL", PERMISSIONS.source, len(keys), *keys, channel
            [reply] = await connection.exchange([source])
        if isinstance(reply, Unavailable) and not reply.passes:
            raise Unsuitable(f"Redis at {connection.server.place} refuses scripts: {reply}")
        if isinstance(reply, Exception):
            raise RedisConnectionLost(str(reply)) from reply
        failed: list[bytes] = reply
        return failed
