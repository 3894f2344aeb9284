"""A node in the test's own process, to look into."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import trio

from gateway.config import Settings
from gateway.node import Node
from gateway.server.connection import Connection
from gateway.sessions.session import Session
from tests import PATIENCE
from tests.harness import until
from tests.memory_transport import memory_connection
from tests.redis_server import RedisServer


@asynccontextmanager
async def running_node(redis_server: RedisServer, *, grace: float = 0) -> AsyncIterator[Node]:
    """Run a node that is ready; there is no flood control."""
    node = Node(
        Settings(
            redis=redis_server.url,
            port=0,
            grace_seconds=grace,
            redis_timeout=PATIENCE,
            flood_rate=0,
        )
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(node.run)

        async def ready() -> bool:
            begun = not node._membership._forgotten and not node._membership._under_way
            return begun and node._why_not_ready() is None

        await until(ready, "the node to be ready")
        yield node
        nursery.cancel_scope.cancel()


@contextmanager
def session_on(node: Node) -> Iterator[Session]:
    """Have a session of a client that reads nothing; whoever does so ends it."""
    transport, _ = memory_connection()
    connection = Connection(node._context, transport, "test", start_nothing)
    yield Session(node._context, connection.write_buffer, connection.close)


async def command(session: Session, /, type: str, **fields: Any) -> None:  # noqa: A002
    """Have a session carry out a command, with its type for an id."""
    await session.handle(json.dumps({"type": type, "id": type} | fields))


def start_nothing(_: object) -> None:
    """Stand for a nursery in which no task is to be started: so little fits any connection."""
    raise AssertionError("it reads fast enough")
