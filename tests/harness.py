"""A real cluster for tests: a Redis server, node processes, and HTTP and WebSockets to them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import trio
import trio_websocket
import wsproto

from client.addresses import NodeAddress
from tests import PATIENCE
from tests.ports import free_port
from tests.redis_server import RedisServer

HANDSHAKE: Final = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
"""What a client asks for that speaks WebSocket by itself."""


class NodeProcess:
    """One ``chat-gateway serve`` on a free port; its log lines are kept, parsed."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self.host = "127.0.0.1"
        self.port = 0
        self.log: list[dict[str, Any]] = []
        self._logged = trio.Event()
        self._log_ended = False

    @property
    def url(self) -> str:
        """Where WebSocket clients connect."""
        return f"ws://{self.host}:{self.port}/ws"

    async def read_log(self) -> None:
        """Keep what the node logs until it ends; run it in a nursery."""
        assert self.process.stderr is not None
        buffer = b""
        async for chunk in self.process.stderr:
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                self._note(line.decode())
        self._note(buffer.decode())
        self._log_ended = True
        self._logged.set()

    def _note(self, line: str) -> None:
        if not line:
            return
        try:
            self.log.append(json.loads(line))
        except ValueError:
            self.log.append({"event": line, "level": "raw"})
        self._logged.set()

    async def logged(self, event: str, **fields: object) -> dict[str, Any]:
        """Wait for a log line that says this, and give it."""
        wanted = {"event": event} | fields
        seen = 0
        with trio.fail_after(PATIENCE):
            while True:
                for line in self.log[seen:]:
                    if wanted.items() <= line.items():
                        return line
                seen = len(self.log)
                if self._log_ended:
                    raise AssertionError(f"the node ended without logging {wanted}: {self.log}")
                self._logged = trio.Event()
                await self._logged.wait()

    @property
    def errors(self) -> list[dict[str, Any]]:
        """What the node logged as an error, or not as a log line at all."""
        return [line for line in self.log if line["level"] in {"error", "critical", "raw"}]

    async def get(self, path: str) -> tuple[int, str]:
        """Ask the node over HTTP; gives status and body."""
        return await http_get(self.port, path, host=self.host)

    async def metric(self, name: str) -> float:
        """Read one metric off ``/metrics``."""
        _, body = await self.get("/metrics")
        values = [line.split()[1] for line in body.splitlines() if line.split()[0] == name]
        return float(values[0])

    async def ready(self) -> None:
        """Wait until ``/readyz`` says so."""
        await until(self._is_ready, "the node to be ready")

    async def not_ready(self) -> tuple[int, str]:
        """Wait until ``/readyz`` says that it is not; gives its answer."""
        answer = 0, ""

        async def refused() -> bool:
            nonlocal answer
            answer = await self.get("/readyz")
            return answer[0] == 503

        await until(refused, "the node to be not ready")
        return answer

    async def _is_ready(self) -> bool:
        try:
            return (await self.get("/readyz"))[0] == 200
        except OSError:
            return False

    async def stop(self) -> int:
        """Send SIGTERM and give the exit status."""
        self.process.terminate()
        with trio.fail_after(PATIENCE):
            return await self.process.wait()

    async def kill(self) -> None:
        """End it without a chance to clean up."""
        self.process.kill()
        await self.process.wait()

    def pause(self) -> None:
        """Stop it in its tracks."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)


class Cluster:
    """Node processes around one Redis; made by `open_cluster`."""

    def __init__(self, redis: RedisServer, nursery: trio.Nursery) -> None:
        self.redis = redis
        self.nodes: list[NodeProcess] = []
        self.launch: Sequence[str] = ("gateway",)
        """The module that a node is run from, and what goes before ``serve``."""
        self._nursery = nursery

    @property
    def urls(self) -> list[str]:
        """Every node's URL."""
        return [node.url for node in self.nodes]

    async def add_node(
        self, *within: str, checkout: Path | None = None, **settings: object
    ) -> NodeProcess:
        """Start a node with these settings and wait until it listens.

        - ``within``: what its command is run by, such as ``ip netns exec NAME``;
        - ``checkout``: the folder whose gateway it runs, if that is another one.
        """
        flags = {
            "port": free_port(),
            "redis": self.redis.url,
            "log_format": "json",
            "flood_rate": 0,
            "redis_timeout": 10,  # on a busy machine Redis may take its time
        }
        command = [*within, sys.executable, "-m", *self.launch, "serve"]
        for name, value in (flags | settings).items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        process = await trio.lowlevel.open_process(command, stderr=subprocess.PIPE, cwd=checkout)
        node = NodeProcess(process)
        node.host = str(settings.get("host", node.host))
        self.nodes.append(node)
        self._nursery.start_soon(node.read_log)
        node.port = int((await node.logged("listening"))["port"])
        return node


@asynccontextmanager
async def open_cluster(
    redis: RedisServer, nodes: int = 2, **settings: object
) -> AsyncIterator[Cluster]:
    """Run nodes that are ready around a running Redis; none of them outlives the context.

    Flood control is off unless ``flood_rate`` is given.
    """
    async with trio.open_nursery() as nursery:
        cluster = Cluster(redis, nursery)
        try:
            async with trio.open_nursery() as starting:
                for _ in range(nodes):
                    starting.start_soon(partial(cluster.add_node, **settings))
            for node in cluster.nodes:
                await node.ready()
            yield cluster
        finally:
            for node in cluster.nodes:
                if node.process.returncode is None:
                    node.process.kill()
                    node.resume()
            with trio.CancelScope(shield=True):
                for node in cluster.nodes:
                    await node.process.wait()
            nursery.cancel_scope.cancel()


class RawClient:
    """A WebSocket client that sends and receives whatever a test likes."""

    def __init__(
        self, websocket: trio_websocket.WebSocketConnection, stream: trio.abc.Stream
    ) -> None:
        self.websocket = websocket
        self.stream = stream

    async def say(self, frame: dict[str, Any] | str | bytes) -> None:
        """Send a frame."""
        data = json.dumps(frame) if isinstance(frame, dict) else frame
        await self.websocket.send_message(data)

    async def hear(self) -> dict[str, Any]:
        """Receive the next frame."""
        with trio.fail_after(PATIENCE):
            frame: dict[str, Any] = json.loads(await self.websocket.get_message())
        return frame

    async def hear_type(self, *types: str) -> dict[str, Any]:
        """Receive frames until one is of these types."""
        while (frame := await self.hear())["type"] not in types:
            pass
        return frame

    async def ask(self, frame: dict[str, Any] | str | bytes) -> dict[str, Any]:
        """Send a frame and receive its `ok`, `error` or `welcome`."""
        await self.say(frame)
        return await self.hear_type("ok", "error", "welcome")

    async def break_off(self) -> None:
        """Lose the connection, without a goodbye."""
        await trio.aclose_forcefully(self.stream)

    async def closed(self) -> int:
        """Receive until the node closes; gives the close code."""
        with trio.fail_after(PATIENCE):
            try:
                while True:
                    await self.websocket.get_message()
            except trio_websocket.ConnectionClosed as error:
                return int(error.reason.code) if error.reason else 1006


@asynccontextmanager
async def raw_client(url: str, nick: str | None = None) -> AsyncIterator[RawClient]:
    """Connect, and say hello if there is a nickname."""
    place = NodeAddress.from_url(url)
    try:
        async with (
            await trio.open_tcp_stream(place.host, place.port) as stream,
            trio.open_nursery() as nursery,
        ):
            websocket = await trio_websocket.wrap_client_stream(
                nursery,
                stream,
                place.authority,
                place.resource,
                subprotocols=["chat.v1"],
                max_message_size=1 << 26,
            )
            client = RawClient(websocket, stream)
            if nick is not None:
                answer = await client.ask({"type": "hello", "nick": nick})
                assert answer["type"] == "welcome", answer
            yield client
            with trio.move_on_after(1):
                await websocket.aclose()
            nursery.cancel_scope.cancel()
    except* wsproto.utilities.LocalProtocolError as group:
        # trio-websocket's reader would answer a ping that crosses its own close frame.
        if not all("CLOSING" in str(error) for error in group.exceptions):
            raise


class BareSocket:
    """A client that has shaken hands and does nothing by itself: no pong, no close, no reading."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream

    async def send(self, payload: bytes, *, opcode: int = 1) -> None:
        """Send one masked frame."""
        head = bytes((0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0))
        await self.stream.send_all(head + payload)

    async def receive_until(self, words: bytes, *, seconds: float = PATIENCE) -> bytes:
        """Receive until these bytes have come."""
        received = b""
        with trio.fail_after(seconds):
            while words not in received:
                chunk = await self.stream.receive_some()
                assert chunk, f"closed after {received!r}"
                received += chunk
        return received

    async def receive_all(self) -> bytes:
        """Receive until the node closes."""
        received = b""
        with trio.fail_after(PATIENCE):
            async for chunk in self.stream:
                received += chunk
        return received


@asynccontextmanager
async def bare_socket(node: NodeProcess, nick: str | None = None) -> AsyncIterator[BareSocket]:
    """Shake hands with a node, and say hello if there is a nickname."""
    async with await trio.open_tcp_stream("127.0.0.1", node.port) as stream:
        bare = BareSocket(stream)
        await stream.send_all(HANDSHAKE)
        assert b" 101 " in await bare.receive_until(b"\r\n\r\n")
        if nick is not None:
            await bare.send(json.dumps({"type": "hello", "nick": nick}).encode())
            await bare.receive_until(b'"welcome"')
        yield bare


async def administer(*arguments: str, redis: str) -> subprocess.CompletedProcess[str]:
    """Run ``chat-gateway admin``, and give how it ended."""
    done = await trio.run_process(
        [sys.executable, "-m", "gateway", "admin", *arguments, "--redis", redis],
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


async def http_get(port: int, path: str, *, host: str = "127.0.0.1") -> tuple[int, str]:
    """Ask a node over HTTP; gives status and body."""
    async with await trio.open_tcp_stream(host, port) as stream:
        await stream.send_all(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        answer = b""
        async for chunk in stream:
            answer += chunk
    head, _, body = answer.decode().partition("\r\n\r\n")
    return int(head.split(" ")[1]), body


async def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> None:
    """Wait until something that happens in another process is so: ask again and again."""
    with trio.move_on_after(seconds):
        while not await condition():
            await trio.sleep(0.02)
        return
    raise AssertionError(f"waited {seconds:g} s in vain for {what}")
