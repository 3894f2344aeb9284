"""Very many chat clients in one process, on bare sockets around one epoll."""

from __future__ import annotations

import os
import secrets
import select
import socket
import ssl
import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any, Final

from tests.load.generator import frames
from tests.load.generator.client import ClientSpec, ClientState, LoadClient, now
from tests.load.generator.histogram import Histogram
from tests.load.generator.tally import RoomTally
from tests.websocket import handshake

RECEIVE_BYTES: Final = 256 * 1024
PAUSE_SECONDS: Final = 0.0002
"""Pause when little has come, instead of waiting for the sockets.

Waiting would have the kernel wake this process for nearly every write of a node, and charge the
node for it: a cost that clients on other machines do not cause.
"""
COMING_IN: Final = 64
"""Clients of one process that may be on the way in at the same time."""
_FEW: Final = 16
"""Sockets with something to read that are few enough for a pause."""
_PORTS_PER_ADDRESS: Final = 4_000
_LAST_BYTES: Final = 128
"""How much is kept of what the deaf are sent at last: a close frame fits in."""


class Fleet:
    """All clients of one process; everything happens in `step`."""

    def __init__(self, specs: Sequence[ClientSpec]) -> None:
        self.clients = {spec.number: LoadClient(spec) for spec in specs}
        self.rooms: dict[str, RoomTally] = {spec.room: RoomTally() for spec in specs}
        self.failures: Counter[str] = Counter()
        self.joins = Histogram()
        self.rejoins = Histogram()
        self.sign_ins = Histogram()
        """From connecting to the welcome, of each client with an account."""
        self.delivered = Histogram()
        self.delivered_before = Histogram()
        """What was to be delivered before the storm."""
        self.acked = Histogram()
        self.pings = Histogram()
        self.second_delivered = Histogram()
        self.deliveries = self.acknowledged = self.ready = self.lost_connections = 0
        self.rejoined = 0
        """How often clients have come back."""
        self.storm_at = 0
        """When the storm breaks out, in microseconds; 0: never."""
        self.churns = False
        """Whether movers are cut off whenever they are in."""
        self.refused: Counter[str] = Counter()
        self.closed: Counter[str] = Counter()
        self.window = range(0)
        """Latencies are recorded of what was to be sent in these microseconds."""
        self.heard_at = now()
        self._tag = secrets.token_hex(2)
        self._waiting: deque[LoadClient] = deque(self.clients.values())
        self._coming_in = 0
        self._by_fd: dict[int, LoadClient] = {}
        self._epoll = select.epoll()
        self._space = memoryview(bytearray(RECEIVE_BYTES))
        self._handlers = {
            ClientState.UPGRADING: self._upgraded,
            ClientState.GREETING: self._greeted,
            ClientState.JOINING: self._joined,
            ClientState.DEAF: self._keep_last_bytes,
        }

    # --- what happens -------------------------------------------------------------------------

    def step(self, *, admit: int = COMING_IN) -> int:
        """Let up to ``admit`` clients more come in, and serve the sockets that have something.

        :returns: how many were let in.
        """
        admitted = 0
        while self._waiting and self._coming_in < COMING_IN and admitted < admit:
            self._connect(self._waiting.popleft())
            admitted += 1
        events = self._epoll.poll(0)
        if events:
            self.heard_at = now()
        if len(events) < _FEW:
            time.sleep(PAUSE_SECONDS)
        for fd, _ in events:
            client = self._by_fd.get(fd)
            if client is None:
                continue
            if client.state is ClientState.CONNECTING:
                self._connected(client)
            elif client.state is ClientState.ENCRYPTING:
                self._shake_hands(client)
            else:
                self._read(client)
                while client.has_more:
                    self._read(client)
        return admitted

    @property
    def all_in(self) -> bool:
        """Whether nobody is on the way in any more."""
        return not self._waiting and not self._coming_in

    def deafen(self) -> None:
        """Have the deaf read nothing from now on."""
        for client in self.clients.values():
            if client.spec.deaf and client.state is ClientState.READY:
                client.state = ClientState.DEAF
                self._epoll.unregister(client.socket.fileno())

    def drop_all(self) -> None:
        """Cut every mover's connection at once."""
        for client in list(self._by_fd.values()):
            if client.spec.mover and client.state is ClientState.READY:
                self._lost(client)

    def hear_the_deaf(self) -> None:
        """Have the deaf read what was sent to them, to learn whether and how they were closed."""
        for client in self._deaf():
            client.buffer = b""
            self._epoll.register(client.socket.fileno(), select.EPOLLIN)

    def _deaf(self) -> list[LoadClient]:
        return [client for client in self.clients.values() if client.state is ClientState.DEAF]

    def how_the_deaf_ended(self) -> Counter[str]:
        """Return how many of the deaf were closed with which code, cut off, or are still open."""
        open_still = (frames.close_code(c.buffer) or "still open" for c in self._deaf())
        return self.closed + Counter(open_still)

    def counted(self) -> dict[str, Any]:
        """Return every room's tally, complete with what each client heard."""
        for client in self.clients.values():
            if client.state is ClientState.READY and not client.tries:
                self.rooms[client.spec.room].heard[client.heard] += 1
        return {name: room.as_json() for name, room in self.rooms.items()}

    # --- coming in ----------------------------------------------------------------------------

    def _connect(self, client: LoadClient) -> None:
        place, number = client.place, client.spec.number
        client.tried = now()
        client.began = client.began or client.tried
        client.socket.settimeout(0)
        self._coming_in += 1
        if place.host == "127.0.0.1":
            # A single address of this machine has too few ports for all clients.
            client.socket.bind((f"127.0.0.{2 + number // _PORTS_PER_ADDRESS}", 0))
        try:
            client.socket.connect((place.host, place.port))
        except BlockingIOError:
            pass
        except OSError as error:
            self._failed(client, error.strerror or "cannot connect")
            return
        client.state = ClientState.CONNECTING
        self._by_fd[client.socket.fileno()] = client
        self._epoll.register(client.socket.fileno(), select.EPOLLOUT)

    def _connected(self, client: LoadClient) -> None:
        error = client.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._failed(client, os.strerror(error))
            return
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not client.place.secure:
            self._upgrade(client)
            return
        client.encrypt()
        client.state = ClientState.ENCRYPTING
        self._shake_hands(client)

    def _shake_hands(self, client: LoadClient) -> None:
        assert isinstance(client.socket, ssl.SSLSocket)
        try:
            client.socket.do_handshake()
        except ssl.SSLWantReadError:
            self._epoll.modify(client.socket.fileno(), select.EPOLLIN)
        except OSError as error:
            self._failed(client, f"TLS: {error.strerror}")
        else:
            self._upgrade(client)

    def _upgrade(self, client: LoadClient) -> None:
        self._epoll.modify(client.socket.fileno(), select.EPOLLIN)
        place = client.place
        client.state = ClientState.UPGRADING
        self._say(client, handshake(place.authority, place.resource))

    def _upgraded(self, client: LoadClient) -> None:
        head, end, _ = client.buffer.partition(b"\r\n\r\n")
        if not end:
            return
        if b" 101 " not in head:
            self._failed(client, "HTTP " + head.split(b" ")[1].decode())
            return
        client.buffer = b""
        client.state = ClientState.GREETING
        if client.spec.account:
            self._say(client, frames.sign_in(client.spec.account))
            return
        # Another nickname each time, since the old one may still be held.
        nick = f"load{self._tag}-{client.spec.number}-{client.tries}"
        self._say(client, frames.hello(nick))

    def _greeted(self, client: LoadClient) -> None:
        if b'"welcome"' in client.buffer:
            client.buffer = b""
            client.state = ClientState.JOINING
            if client.spec.account:
                self.sign_ins.record(now() - client.tried)
            if client.spec.joined:
                self._say(client, b"".join(map(frames.join, client.spec.joined)))
            else:
                self._is_in(client)
        elif frames.REFUSAL in client.buffer:
            self._failed(client, "hello refused")

    def _joined(self, client: LoadClient) -> None:
        at = client.buffer.rfind(b'"id":"join"')
        if client.buffer.count(b'"id":"join"') < len(client.spec.joined):
            return
        if frames.REFUSAL in client.buffer:
            self._failed(client, "join refused")
            return
        rest, client.buffer = client.buffer[at:], b""
        self._hear(client, rest)
        self._is_in(client)

    def _is_in(self, client: LoadClient) -> None:
        """Count a client that has come in; cut it off again if movers are to come back at once."""
        self._coming_in -= 1
        self.ready += 1
        client.state = ClientState.READY
        (self.rejoins if client.tries else self.joins).record(now() - client.began)
        self.rejoined += client.tries > 0
        client.began = 0
        if self.churns and client.spec.mover:
            self._lost(client)

    def _failed(self, client: LoadClient, why: str) -> None:
        self.failures[why] += 1
        self._coming_in -= 1
        self._forget(client)
        if client.spec.mover and client.tries:
            self._come_back(client)

    # --- being in -----------------------------------------------------------------------------

    def _read(self, client: LoadClient) -> None:
        try:
            # Always into the same buffer: the system would be asked for one so large each time.
            chunk = bytes(self._space[: client.socket.recv_into(self._space)])
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError:
            chunk = b""
        if client.state is ClientState.READY and chunk:
            self._hear(client, chunk)
        elif not chunk:
            self._ended(client)
        else:
            client.buffer += chunk
            self._handlers[client.state](client)

    def _hear(self, client: LoadClient, chunk: bytes) -> None:
        if frames.PING in chunk:
            self._say(client, frames.PONG)
        heard = client.counter.count(chunk)
        client.heard += heard
        self.deliveries += heard
        if client.messages is not None:
            self._read_messages(client, client.messages, chunk)
        if client.awaited:
            self._hear_answers(client, chunk)

    def _hear_answers(self, client: LoadClient, chunk: bytes) -> None:
        if client.messages is None and (acks := client.acks.count(chunk)):
            self._acknowledged(client, acks)
        if codes := client.refusals.read(chunk):
            self.refused.update(codes)
            client.awaited -= len(codes)

    def _read_messages(
        self, client: LoadClient, reader: frames.MessageReader, chunk: bytes
    ) -> None:
        messages, answers = reader.read(chunk)
        at, window = now(), self.window
        for seq, room, intended in messages:
            client.sequences.add(room, seq)
            if intended in window:
                calm = intended < self.storm_at
                (self.delivered_before if calm else self.delivered).record(max(1, at - intended))
                self.second_delivered.record(max(1, at - intended))
        for kind, intended in answers:
            if kind == b"m":
                self._acknowledged(client, 1)
            else:
                client.awaited -= 1
            if intended in window:
                (self.acked if kind == b"m" else self.pings).record(max(1, at - intended))

    def _acknowledged(self, client: LoadClient, acks: int) -> None:
        client.awaited -= acks
        self.rooms[client.spec.room].acked += acks
        self.acknowledged += acks

    def say(self, number: int, frame: bytes) -> bool:
        """Have a client send a frame; return False if it is not in."""
        client = self.clients[number]
        said = client.state is ClientState.READY and self._say(client, frame)
        client.awaited += said
        return said

    def _say(self, client: LoadClient, frame: bytes) -> bool:
        try:
            return client.socket.send(frame) == len(frame)
        except OSError:
            return False  # the next read finds the connection lost

    # --- being lost ---------------------------------------------------------------------------

    def _ended(self, client: LoadClient) -> None:
        if client.state is ClientState.READY:
            self._lost(client)
        elif client.state is ClientState.DEAF:
            self.closed[frames.close_code(client.buffer) or "cut off"] += 1
            self._forget(client)
        else:
            self._failed(client, "closed while coming in")

    def _keep_last_bytes(self, client: LoadClient) -> None:
        client.buffer = client.buffer[-_LAST_BYTES:]

    def _lost(self, client: LoadClient) -> None:
        self.lost_connections += 1
        self.ready -= 1
        self._forget(client)
        if client.spec.mover:
            self._come_back(client)

    def _come_back(self, client: LoadClient) -> None:
        began = client.began or now()
        client.tries += 1
        client.begin()
        client.began = began
        self._waiting.append(client)

    def _forget(self, client: LoadClient) -> None:
        self._by_fd.pop(client.socket.fileno(), None)
        client.state = ClientState.GONE
        client.socket.close()
