"""Nodes with accounts, and clients of their sessions, without connections."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import trio

from gateway import wire
from gateway.backplane import Backplane
from gateway.backplane.account_keys import AccountKeys
from gateway.backplane.redis.server import RedisEndpoint
from gateway.delivery.inbox import Inbox
from gateway.delivery.relay import Relay
from gateway.net.write_buffer import WriteBuffer
from gateway.observability.metrics import Counts
from gateway.policy.retention import Retention
from gateway.sessions.direct_messages import DirectMessages
from tests import PATIENCE
from tests.backplane.conftest import TIMEOUT
from tests.backplane.people import ACCOUNT
from tests.redis_server import RedisServer

OTHER: Final = "fedcba9876543210"
FRIEND: Final = f"{OTHER}.cccccccccccc.three"


class Memory:
    """A transport that keeps the frames that are written."""

    encrypted = False

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.written = trio.Event()

    def write(self, data: bytes, /) -> int:
        rest = data
        while rest:  # unmasked frames of less than 64 KiB
            size, head = rest[1], 2
            if size == 126:
                size, head = int.from_bytes(rest[2:4]), 4
            self.frames.append(json.loads(rest[head : head + size]))
            rest = rest[head + size :]
        self.written.set()
        return len(data)

    def write_many(self, buffers: Any, /) -> int:
        return self.write(b"".join(buffers))

    async def wait_writable(self) -> None:
        await trio.lowlevel.checkpoint()

    def read(self, _most: int, /) -> bytes:
        raise BlockingIOError

    async def wait_readable(self) -> None:
        await trio.sleep_forever()

    async def send_eof(self) -> None:
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Nothing is open."""


class Client:
    """A client of one session, and what it has been sent."""

    def __init__(self, sid: str, inbox: Inbox, memory: Memory, messages: DirectMessages) -> None:
        self.sid = sid
        self.inbox = inbox
        self._memory = memory
        self._messages = messages

    async def say(self, to: str, text: str, *, id: str = "", nick: str = "Ann") -> int:  # noqa: A002
        command = wire.SendDirect(id=id or text, to=to, text=text)
        return await self._messages.send(nick, command, term=1)

    async def note_typing(self, to: str, nick: str) -> None:
        await self._messages.notify_typing(nick, wire.NoteTyping(to=to))

    @property
    def heard(self) -> list[str]:
        return [frame["text"] for frame in self._memory.frames if frame["type"] == "direct"]

    @property
    def frames(self) -> list[dict[str, Any]]:
        return self._memory.frames

    async def hear(self, *texts: str) -> None:
        """Wait until these messages have come, and no others."""
        await self.hear_frames(len(texts))
        assert self.heard == list(texts)

    async def hear_frames(self, count: int) -> None:
        with trio.fail_after(PATIENCE):
            while len(self._memory.frames) < count:
                self._memory.written = trio.Event()
                await self._memory.written.wait()


class Server:
    """What a node has of backplane and delivery."""

    def __init__(self, redis: RedisServer, name: str) -> None:
        self.backplane = Backplane(
            RedisEndpoint.from_url(redis.url_of("test")),
            node=name,
            namespace="test",
            timeout=TIMEOUT,
            retention=Retention(),
        )
        self.relay = Relay(self.backplane, Counts(), outbox_bytes=1 << 20)
        self.restored = trio.Event()
        self.events: list[tuple[str, bytes]] = []
        self.wait_event = trio.Event()

    async def run(self) -> None:
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(
                partial(
                    self.backplane.run,
                    on_burst=self.relay.on_burst,
                    on_restored=self._restored,
                    on_moved=lambda: self.relay.recheck(unverified=True),
                )
            )
            self._nursery.start_soon(
                partial(self.relay.run, on_own=lambda _: None, on_account_event=self._take_event)
            )

    def _restored(self) -> None:
        self.relay.recheck()
        self.restored.set()

    def _take_event(self, account: str, payload: bytes) -> None:
        self.events.append((account, payload))
        self.wait_event.set()
        if payload == b"spoilt":
            raise ValueError("spoilt")

    def open(self, sid: str) -> tuple[Inbox, Client]:
        memory = Memory()
        write_buffer = WriteBuffer(
            memory, limit=1 << 20, start_soon=self._nursery.start_soon, on_overflow=lambda: None
        )
        inbox = self.relay.inboxes.open(sid, write_buffer)
        messages = DirectMessages(self.backplane, self.relay, sid)
        return inbox, Client(sid, inbox, memory, messages)

    async def sign_in(self, sid: str) -> Client:
        """Begin a new session of an account."""
        inbox, client = self.open(sid)
        missed = await self.relay.inboxes.newest(inbox)
        assert not missed.messages
        self.relay.inboxes.begin(inbox, missed)
        return client

    async def resume(self, sid: str, since: wire.Position | None) -> Client:
        missed = await self.relay.inboxes.missed(sid, since, term=1)
        inbox, client = self.open(sid)
        inbox.log.missed()
        client.frames.extend(map(json.loads, missed.messages))
        self.relay.inboxes.begin(inbox, missed)
        return client

    async def guest(self, nick: str) -> Client:
        await self.backplane.nicks.claim(nick, nick.lower())
        assert await self.backplane.subscribe(self.backplane.nodes.channel)
        inbox, client = self.open(nick.lower())
        missed = await self.relay.inboxes.missed(nick.lower(), None, term=1)
        self.relay.inboxes.begin(inbox, missed)
        return client


Start = Callable[[str], Awaitable[Server]]


@asynccontextmanager
async def starting(redis_server: RedisServer) -> AsyncIterator[Start]:
    """Start nodes, on which the nicknames Ann and Fay are those of accounts."""
    for nick, account in {"Ann": ACCOUNT, "Fay": OTHER}.items():
        redis_server.ask("HSET", AccountKeys("test", account).meta, "nick", nick)
        redis_server.ask("HSET", "test:{nicks}:accounts", nick.lower(), account)
    async with trio.open_nursery() as nursery:

        async def start(name: str) -> Server:
            server = Server(redis_server, name)
            nursery.start_soon(server.run)
            with trio.fail_after(PATIENCE):
                await server.backplane.wait_connected()
                await server.restored.wait()
            return server

        yield start
        nursery.cancel_scope.cancel()
