"""What somebody else has written over in Redis costs what it belongs to, and not the node."""

from __future__ import annotations

import pytest
import structlog

from gateway.delivery.log_states import LogState
from tests.cluster.inside import Client, command, reclaim_on, running_node
from tests.redis_server import RedisServer
from tests.waiting import until


@pytest.mark.parametrize("spoilt", [b"\xff\xfe", b"", b"x", b"9" * 30])
@pytest.mark.parametrize("field", ["epoch", "seq", "version"])
@pytest.mark.parametrize("what", ["room", "inbox"])
async def test_a_field_that_cannot_be_read(
    redis_server: RedisServer, what: str, field: str, spoilt: bytes
) -> None:
    async with running_node(redis_server) as node:
        alice = Client(node)
        bob = Client(node)
        for session, nick in (alice, "alice"), (bob, "bob"):
            await command(session, "hello", nick=nick)
            await command(session, "join", room="lobby")
        await command(alice, "join", room="attic")
        await command(alice, "direct", to="bob", text="hi")
        key = "{room:lobby}" if what == "room" else f"{{inbox:{bob.sid}}}"
        redis_server.ask("HSET", f"chat:{key}:meta", field, spoilt)
        with structlog.testing.capture_logs():
            node.context.relay.recheck(doubted=True)
            registry = node.context.registry
            registry.mark_unverified(*registry.sessions.values())
            await reclaim_on(node)
            followed = node.context.relay.rooms["attic"]
            await until(lambda: followed.log.state is LogState.CURRENT, "the other room to be read")
            before = followed.position
            await command(alice, "send", room="attic", text="Hello!")
            await until(lambda: followed.position == before + 1, "what is said in the other room")
        for session in (alice, bob):
            session.end(goodbye=True)
