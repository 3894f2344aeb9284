"""The Redis under test: alone, or a Sentinel group; and what tests do to the data in it."""

from __future__ import annotations

import json
import random
from typing import Final

import trio

from tests.faults.system.proxy import Proxy
from tests.nodes import administer
from tests.ports import HOST
from tests.redis_server import PASSWORD, RedisServer
from tests.sentinels import NAME, SentinelGroup

_USER: Final = f"chat:{PASSWORD}@"
LATELY: Final = 40
"""A purge of single messages takes them from this many, the newest of a room."""
ROOM_SHARE: Final = 0.25
"""The share of purges that erase a whole room."""


class RedisUnderTest:
    """One server, or a primary and a replica that three sentinels watch.

    ``least_rights``: whether nodes have only the permissions that this release needs.
    """

    def __init__(self, redis: RedisServer | SentinelGroup, *, least_rights: bool = True) -> None:
        self._redis = redis
        self._user = _USER if least_rights else ""

    @property
    def server(self) -> RedisServer:
        """The server that nodes write to now."""
        return self._redis.primary if isinstance(self._redis, SentinelGroup) else self._redis

    @property
    def group(self) -> SentinelGroup:
        """The Sentinel group; only where there is one."""
        assert isinstance(self._redis, SentinelGroup)
        return self._redis

    @property
    def durability(self) -> str:
        """What nodes wait for: all that is needed for no fault to undo it."""
        return "replica" if isinstance(self._redis, SentinelGroup) else "auto"

    def write_through(self) -> None:
        """Have every server write to its disk at once, so that it can be waited for."""
        for server in self._servers:
            server.options["appendfsync"] = "always"
            server.ask("CONFIG", "SET", "appendfsync", "always")

    @property
    def _servers(self) -> list[RedisServer]:
        return self._redis.servers if isinstance(self._redis, SentinelGroup) else [self._redis]

    def move_clock(self, seconds: float) -> None:
        """Move the clock of the server that nodes write to, ahead or back."""
        assert self.server.clock is not None
        self.server.clock.move(seconds)

    async def start(self) -> None:
        """Start the server that nodes write to, after it was stopped."""
        if isinstance(self._redis, SentinelGroup):
            await self._redis.start(self.server)
            await self._redis.in_step()
        else:
            await self._redis.start()

    async def lead_to(self, proxy: Proxy, nursery: trio.Nursery, *, host: str) -> str:
        """Have a proxy on ``host`` lead to all that a node needs; return the URL for the node.

        The proxy replaces the addresses that sentinels tell by its own.
        """
        if isinstance(self._redis, RedisServer):
            port = await proxy.listen(nursery, str(self._redis.socket), host=host)
            return f"redis://{self._user}{host}:{port}/0"
        renamed = {_bulk(HOST): _bulk(host)}
        for server in self._redis.servers:
            port = await proxy.listen(nursery, str(server.socket), host=host)
            renamed[_bulk(str(server.port))] = _bulk(str(port))
        sentinels = []
        for sentinel in self._redis.sentinels:
            port = await proxy.listen(nursery, (HOST, sentinel), host=host, renamed=renamed)
            sentinels.append(f"{host}:{port}")
        return f"redis+sentinel://{self._user}{','.join(sentinels)}/{NAME}"

    # --- its data -----------------------------------------------------------------------------

    def sends_by_room(self) -> dict[str, int]:
        """Return how many messages each room has had, by its key."""
        keys = self.server.ask("KEYS", "chat:{room:*}:meta")
        return {key: int(self.server.ask("HGET", key, "seq") or 0) for key in keys}

    def logged(self) -> frozenset[str]:
        """Return the texts of all messages in logs of rooms and inboxes."""
        keys = self.server.ask("KEYS", "chat:*:log")
        logs = [self.server.ask("XRANGE", key, "-", "+") for key in keys]
        return frozenset(_text_of(entry) for log in logs for _, entry in log)

    def empty(self) -> frozenset[str]:
        """Delete everything; return the texts of the messages that were there."""
        deleted = self.logged()
        self.server.ask("FLUSHALL")
        return deleted

    async def roll_back(self) -> frozenset[str]:
        """Start the server from its backup; return the texts of the messages that this deleted."""
        before = self.logged()
        await self.server.restore()
        await self.start()
        deleted = before - self.logged()
        if isinstance(self._redis, SentinelGroup):
            await self._redis.settled()
        return deleted

    async def purge(self, chance: random.Random) -> tuple[str, frozenset[str]]:
        """Erase a room, or some of its newest messages; return the room and the texts erased."""
        key: str = chance.choice(self.server.ask("KEYS", "chat:{room:*}:log"))
        room = key.removeprefix("chat:{room:").removesuffix("}:log")
        logged = self.server.ask("XREVRANGE", key, "+", "-", "COUNT", LATELY)
        if chance.random() < ROOM_SHARE:
            what = ["room", room]
            logged = self.server.ask("XRANGE", key, "-", "+")
        else:
            logged = chance.sample(logged, chance.randint(1, len(logged)))
            what = ["message", room, *(seq.removesuffix("-0") for seq, _ in logged)]
        done = await administer("purge", *what, redis=self.server.url)
        assert done.returncode == 0, done
        return room, frozenset(_text_of(entry) for _, entry in logged)


def _text_of(entry: dict[str, str]) -> str:
    """Return the text of a message in a log. Its id is the same, and is left when it is erased."""
    message_id: str = json.loads(entry["m"])["id"]
    return message_id


def _bulk(text: str) -> bytes:
    """Return a string as Redis sends it; with its length, so that only a whole one is replaced."""
    return f"${len(text)}\r\n{text}\r\n".encode()
