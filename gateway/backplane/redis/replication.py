"""The replication id by which all nodes name the data of a Redis server.

It changes when Redis may have returned to older data: with a restart, and with another primary.
Redis's own id changes more often: also when the first replica connects after a restart, and when
there has been none for an hour (``repl-backlog-ttl``). Nodes that connected before and after would
take the same server for two, and its logs for ones that have lost messages. So the nodes agree:

- a server that was never promoted is named by the id of its process (``run_id``);
- one that was promoted is named by the replication id that it was given then. The first node that
  connects stores it, since Redis may give it another one.
"""

from __future__ import annotations

from typing import Final

import trio

from gateway.backplane.redis.connection import RedisConnection, answers_in_time
from gateway.backplane.redis.scripts import REPLICATION_ID
from gateway.backplane.redis.server_check import ServerReport

_NONE: Final = frozenset({"", "0" * 40})
"""What Redis tells as the former replication id of a server that was not promoted."""


class ReplicationIds:
    """Tells which replication id the nodes of a namespace have for a server.

    Without a namespace nothing is stored.
    """

    def __init__(self, namespace: str = "") -> None:
        self._key = f"{namespace}:server" if namespace else ""

    async def read(self, connection: RedisConnection) -> str:
        """Return the replication id of a connected server; empty if this user may not ask.

        Where Redis cannot store the id, what this connection was told is returned.

        :raises RedisConnectionLost: if there is no answer.
        """
        report = connection.report
        own = observed_id(report)
        if not (self._key and report.run_id):
            await trio.lowlevel.checkpoint()
            return own
        command = ("EVAL", REPLICATION_ID.source, 1, self._key, report.run_id, own)
        with answers_in_time():
            [reply] = await connection.exchange([command])
        return reply.decode() if isinstance(reply, bytes) else own


def observed_id(report: ServerReport) -> str:
    """Return what names the data of a server as long as nothing is stored; empty if unknown."""
    was_promoted = report.former_replication_id not in _NONE
    return report.replication_id if was_promoted else report.run_id or report.replication_id
