"""What tests of rooms say in them, and read of them."""

from __future__ import annotations

import json
from functools import partial
from typing import Final

import trio

from gateway.backplane import payloads
from gateway.backplane.room_keys import RoomKeys
from tests.backplane.conftest import Node
from tests.redis_server import RedisServer

DAY_MS: Final = 86_400_000


def tail(text: str, room: str = "lobby", id: str = "1") -> bytes:  # noqa: A002
    return payloads.encode_message_tail(room=room, sender="Alice", text=text, id=id)


async def say(node: Node, text: str, *, session: str = "s1", room: str = "lobby") -> int:
    """Publish a message whose id is its text."""
    said, digest = tail(text, room, text), payloads.digest_of(text)
    return await node.rooms.publish(room, session, text, said, term=1, digest=digest)


async def say_many(node: Node, count: int, *, room: str = "lobby") -> None:
    async with trio.open_nursery() as nursery:
        for number in range(1, count + 1):
            nursery.start_soon(partial(say, node, str(number), room=room))


async def write(
    node: Node, text: str, *, key: str = "", to: str = "n1", session: str = "bob"
) -> int:
    """Deliver a message to a session on the node ``to``; its key is its text."""
    return await node.backplane.inboxes.deliver(
        session,
        node.nodes.channel_of(to),
        key or text,
        mark=payloads.direct_mark(session),
        tail=payloads.encode_direct_tail(
            sender="Alice", to="Bob", text=text, id=key or text, person="p"
        ),
        digest=payloads.digest_of(text),
    )


def texts(messages: list[bytes]) -> list[str]:
    return [json.loads(message)["text"] for message in messages]


def seqs(messages: list[bytes]) -> list[int]:
    return [payloads.message_seq(message) for message in messages]


def keys_of(room: str) -> RoomKeys:
    return RoomKeys("test", room)


def ttl(server: RedisServer, room: str) -> set[int]:
    """The milliseconds that a room's keys have to live, as far as they exist; -1 is for ever."""
    lives = {server.ask("PTTL", key) for key in keys_of(room).all()}
    return lives - {-2}
