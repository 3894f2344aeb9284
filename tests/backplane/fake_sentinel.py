"""A server that answers in Redis's protocol what a test has it answer."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import hiredis
import trio

from tests.ports import HOST

Command = list[bytes]


class FakeServer:
    """A Redis server that agrees to everything, at once or when it may."""

    def __init__(self) -> None:
        self.port = 0
        self.came, self.left = trio.Event(), trio.Event()
        """Set when somebody connects, and when a connection has ended."""
        self._streams: set[trio.SocketStream] = set()
        self._may_answer = trio.Event()
        self._may_answer.set()
        self._asked = trio.Event()

    @property
    def place(self) -> str:
        """Its address as it is written in logs."""
        return f"{HOST}:{self.port}"

    def hold(self) -> None:
        """Answer nothing until `release`."""
        self._may_answer = trio.Event()

    def release(self) -> None:
        """Answer what was asked meanwhile, and go on."""
        self._may_answer.set()

    async def asked(self) -> None:
        """Wait until something is asked, from now on."""
        self._asked = trio.Event()
        with trio.fail_after(20):
            await self._asked.wait()

    async def send(self, data: bytes) -> None:
        """Send this to everybody."""
        for stream in self._streams:
            await stream.send_all(data)

    async def serve(self, stream: trio.SocketStream) -> None:
        self._streams.add(stream)
        self.came.set()
        asked, to_answer = trio.open_memory_channel[Command](math.inf)

        async def answer() -> None:
            async for command in to_answer:
                await self._may_answer.wait()
                await stream.send_all(self.reply(command))

        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(answer)
                reader = hiredis.Reader()
                async for data in stream:
                    reader.feed(bytes(data))
                    while (command := reader.gets()) is not False:
                        asked.send_nowait(command)
                        self._asked.set()
                nursery.cancel_scope.cancel()
        except* trio.BrokenResourceError:
            pass  # whoever asked has gone
        finally:
            self._streams.discard(stream)
            self.left.set()

    def reply(self, command: Command) -> bytes:  # noqa: ARG002
        """What is answered, encoded."""
        return b"+OK\r\n"


class FakeSentinel(FakeServer):
    """A sentinel that names what it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.primary = 0
        self.epoch = 0
        self.has_named = False
        """Whether it has been asked for the primary."""

    def name(self, primary: FakeServer, *, epoch: int = 0) -> None:
        """Name another primary from now on, and announce nothing."""
        self.primary, self.epoch = primary.port, epoch

    async def announce(self) -> None:
        """Announce that the primary is another one."""
        await self.send(_push(b"message", b"+switch-master", b"chat h 1 h 2"))

    def reply(self, command: Command) -> bytes:
        match [word.upper() for word in command[:2]]:
            case [b"SUBSCRIBE", _]:
                confirmed = (_push(b"subscribe", channel, b"1") for channel in command[1:])
                return b"".join(confirmed)
            case [b"SENTINEL", b"MASTER"]:
                return b"%1\r\n" + _bulk(b"config-epoch") + _bulk(b"%d" % self.epoch)
            case [b"SENTINEL", _]:
                self.has_named = True
                return b"*2\r\n" + _bulk(HOST.encode()) + _bulk(b"%d" % self.primary)
        return super().reply(command)


def _bulk(text: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(text), text)


def _push(*words: bytes) -> bytes:
    return b">%d\r\n" % len(words) + b"".join(map(_bulk, words))


@asynccontextmanager
async def serving(*servers: FakeServer) -> AsyncIterator[None]:
    """Open these, each on a port of its own."""
    async with trio.open_nursery() as nursery:
        for server in servers:
            [listener] = await nursery.start(partial(trio.serve_tcp, server.serve, 0, host=HOST))
            server.port = listener.socket.getsockname()[1]
        yield
        nursery.cancel_scope.cancel()
