"""Very many chat clients in one process, on bare sockets around one epoll."""

from __future__ import annotations

import os
import secrets
import select
import socket
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from client.addresses import NodeAddress as Place
from tests.load import frames
from tests.load.histogram import Histogram
from tests.load.tally import RoomTally, Sequences

RECEIVE_BYTES: Final = 256 * 1024
PAUSE_SECONDS: Final = 0.0002
"""How long sockets are left alone when little has come.

Waiting on them instead would have the kernel wake this process for nearly every write of a node's,
and charge the node for that: a cost that clients on other machines do not have.
"""
COMING_IN: Final = 64
"""Clients of one process that come in at the same time."""
_FEW: Final = 16
_PORTS_PER_ADDRESS: Final = 4_000
_DEAF_BYTES: Final = 4_096
"""What the kernel keeps for the deaf, lest it hear for them what they do not."""
_LAST_WORDS: Final = 128


def now() -> int:
    """Microseconds of the clock that all processes of a machine share."""
    return time.monotonic_ns() // 1000


class State(Enum):
    """How far a client has come in."""

    CONNECTING = auto()
    UPGRADING = auto()
    GREETING = auto()
    JOINING = auto()
    READY = auto()
    DEAF = auto()
    GONE = auto()


@dataclass(frozen=True)
class Person:
    """Who a client is: number, room, the nodes it may connect to, and whether it is sampled.

    Whoever is sampled reads every message; the others only count them. A ``mover`` comes back, to
    the next of its nodes, when its connection is lost. The ``deaf`` are in, and then read nothing.
    """

    number: int
    room: str
    urls: Sequence[str]
    sampled: bool
    mover: bool
    deaf: bool = False


class Client:
    """One client on one socket after the other."""

    __slots__ = (
        "acks", "awaited", "began", "buffer", "counter", "heard", "listener", "person", "refusals",
        "sequences", "socket", "state", "tries",
    )  # fmt: skip

    def __init__(self, person: Person) -> None:
        self.person = person
        self.tries = 0
        self.heard = 0
        self.state = State.GONE
        self.awaited = 0
        self.begin()

    def begin(self) -> None:
        """Be ready for a new connection."""
        self.socket = socket.socket()
        if self.person.deaf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _DEAF_BYTES)
        self.buffer = b""
        self.began = 0
        self.counter = frames.Counter(frames.MESSAGE)
        self.acks = frames.Counter(frames.ACK)
        self.refusals = frames.Refusals()
        self.listener = frames.Listener() if self.person.sampled else None
        self.sequences = Sequences()

    @property
    def place(self) -> Place:
        """The node that it is connected to, or connects to next."""
        urls = self.person.urls
        return Place.from_url(urls[self.tries % len(urls)])


class Fleet:
    """All clients of one process. `step` makes everything happen."""

    def __init__(self, people: Sequence[Person]) -> None:
        self.clients = {person.number: Client(person) for person in people}
        self.rooms: dict[str, RoomTally] = {person.room: RoomTally() for person in people}
        self.failures: Counter[str] = Counter()
        self.joins = Histogram()
        self.rejoins = Histogram()
        self.delivered = Histogram()
        self.acked = Histogram()
        self.pings = Histogram()
        self.second_delivered = Histogram()
        self.deliveries = self.acknowledged = self.ready = self.lost_connections = 0
        self.refused: Counter[str] = Counter()
        self.closed: Counter[str] = Counter()
        self.window = range(0)
        """Of what was to be sent in these microseconds latencies are recorded."""
        self.heard_at = now()
        self._tag = secrets.token_hex(2)
        self._waiting: deque[Client] = deque(self.clients.values())
        self._coming_in = 0
        self._by_fd: dict[int, Client] = {}
        self._epoll = select.epoll()
        self._space = memoryview(bytearray(RECEIVE_BYTES))
        self._handlers = {
            State.UPGRADING: self._upgraded,
            State.GREETING: self._greeted,
            State.JOINING: self._joined,
            State.DEAF: self._remember_last_words,
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
            if client.state is State.CONNECTING:
                self._connected(client)
            else:
                self._read(client)
        return admitted

    @property
    def all_in(self) -> bool:
        """Whether nobody is on the way in any more."""
        return not self._waiting and not self._coming_in

    def deafen(self) -> None:
        """Have the deaf read nothing from now on."""
        for client in self.clients.values():
            if client.person.deaf and client.state is State.READY:
                client.state = State.DEAF
                self._epoll.unregister(client.socket.fileno())

    def drop_all(self) -> None:
        """Cut every mover's connection at once."""
        for client in list(self._by_fd.values()):
            if client.person.mover and client.state is State.READY:
                self._lost(client)

    def hear_the_deaf(self) -> None:
        """Have the deaf read what is left for them, to learn whether and how they were closed."""
        for client in self._deaf():
            client.buffer = b""
            self._epoll.register(client.socket.fileno(), select.EPOLLIN)

    def _deaf(self) -> list[Client]:
        return [client for client in self.clients.values() if client.state is State.DEAF]

    def how_the_deaf_ended(self) -> Counter[str]:
        """Give how many were closed with which code, cut off without one, or are still open."""
        open_still = (frames.close_code(c.buffer) or "still open" for c in self._deaf())
        return self.closed + Counter(open_still)

    def counted(self) -> dict[str, Any]:
        """Give, for each room, what was sent, acknowledged, and heard by how many clients."""
        for client in self.clients.values():
            if client.state is State.READY and not client.tries:
                self.rooms[client.person.room].heard[client.heard] += 1
        return {name: room.as_json() for name, room in self.rooms.items()}

    # --- coming in ----------------------------------------------------------------------------

    def _connect(self, client: Client) -> None:
        place, number = client.place, client.person.number
        client.began = client.began or now()
        client.socket.settimeout(0)
        self._coming_in += 1
        if place.host == "127.0.0.1":
            # One address of this machine has not ports enough for all of them.
            client.socket.bind((f"127.0.0.{2 + number // _PORTS_PER_ADDRESS}", 0))
        try:
            client.socket.connect((place.host, place.port))
        except BlockingIOError:
            pass
        except OSError as error:
            self._failed(client, error.strerror or "cannot connect")
            return
        client.state = State.CONNECTING
        self._by_fd[client.socket.fileno()] = client
        self._epoll.register(client.socket.fileno(), select.EPOLLOUT)

    def _connected(self, client: Client) -> None:
        error = client.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._failed(client, os.strerror(error))
            return
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._epoll.modify(client.socket.fileno(), select.EPOLLIN)
        place = client.place
        client.state = State.UPGRADING
        self._say(client, frames.handshake(place.authority, place.resource))

    def _upgraded(self, client: Client) -> None:
        head, end, _ = client.buffer.partition(b"\r\n\r\n")
        if not end:
            return
        if b" 101 " not in head:
            self._failed(client, "HTTP " + head.split(b" ")[1].decode())
            return
        client.buffer = b""
        client.state = State.GREETING
        # Another nickname each time, since the old one may still be held.
        nick = f"load{self._tag}-{client.person.number}-{client.tries}"
        self._say(client, frames.hello(nick))

    def _greeted(self, client: Client) -> None:
        if b'"welcome"' in client.buffer:
            client.buffer = b""
            client.state = State.JOINING
            self._say(client, frames.join(client.person.room))
        elif frames.REFUSAL in client.buffer:
            self._failed(client, "hello refused")

    def _joined(self, client: Client) -> None:
        at = client.buffer.find(b'"id":"join"')
        if at < 0:
            return
        if frames.REFUSAL in client.buffer:
            self._failed(client, "join refused")
            return
        self._coming_in -= 1
        self.ready += 1
        client.state = State.READY
        (self.rejoins if client.tries else self.joins).record(now() - client.began)
        client.began = 0
        rest, client.buffer = client.buffer[at:], b""
        self._hear(client, rest)

    def _failed(self, client: Client, why: str) -> None:
        self.failures[why] += 1
        self._coming_in -= 1
        self._forget(client)
        if client.person.mover and client.tries:
            self._come_back(client)

    # --- being in -----------------------------------------------------------------------------

    def _read(self, client: Client) -> None:
        try:
            # Into the same place each time: one so large is otherwise asked of the system anew.
            chunk = bytes(self._space[: client.socket.recv_into(self._space)])
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if client.state is State.READY and chunk:
            self._hear(client, chunk)
        elif not chunk:
            self._ended(client)
        else:
            client.buffer += chunk
            self._handlers[client.state](client)

    def _hear(self, client: Client, chunk: bytes) -> None:
        if frames.PING in chunk:
            self._say(client, frames.PONG)
        heard = client.counter.count(chunk)
        client.heard += heard
        self.deliveries += heard
        if client.listener is not None:
            self._listen(client, client.listener, chunk)
        if client.awaited:
            self._hear_answers(client, chunk)

    def _hear_answers(self, client: Client, chunk: bytes) -> None:
        if client.listener is None and (acks := client.acks.count(chunk)):
            self._acknowledged(client, acks)
        if codes := client.refusals.hear(chunk):
            self.refused.update(codes)
            client.awaited -= len(codes)

    def _listen(self, client: Client, listener: frames.Listener, chunk: bytes) -> None:
        messages, answers = listener.hear(chunk)
        at, window = now(), self.window
        for seq, room, intended in messages:
            client.sequences.hear(room, seq)
            if intended in window:
                self.delivered.record(max(1, at - intended))
                self.second_delivered.record(max(1, at - intended))
        for kind, intended in answers:
            if kind == b"m":
                self._acknowledged(client, 1)
            else:
                client.awaited -= 1
            if intended in window:
                (self.acked if kind == b"m" else self.pings).record(max(1, at - intended))

    def _acknowledged(self, client: Client, acks: int) -> None:
        client.awaited -= acks
        self.rooms[client.person.room].acked += acks
        self.acknowledged += acks

    def say(self, number: int, frame: bytes) -> bool:
        """Have a client say something; false if it is not in."""
        client = self.clients[number]
        said = client.state is State.READY and self._say(client, frame)
        client.awaited += said
        return said

    def _say(self, client: Client, frame: bytes) -> bool:
        try:
            return client.socket.send(frame) == len(frame)
        except OSError:
            return False  # the next read tells that it is gone

    # --- being lost ---------------------------------------------------------------------------

    def _ended(self, client: Client) -> None:
        if client.state is State.READY:
            self._lost(client)
        elif client.state is State.DEAF:
            self.closed[frames.close_code(client.buffer) or "cut off"] += 1
            self._forget(client)
        else:
            self._failed(client, "closed while coming in")

    def _remember_last_words(self, client: Client) -> None:
        client.buffer = client.buffer[-_LAST_WORDS:]

    def _lost(self, client: Client) -> None:
        self.lost_connections += 1
        self.ready -= 1
        self._forget(client)
        if client.person.mover:
            self._come_back(client)

    def _come_back(self, client: Client) -> None:
        began = client.began or now()
        client.tries += 1
        client.begin()
        client.began = began
        self._waiting.append(client)

    def _forget(self, client: Client) -> None:
        self._by_fd.pop(client.socket.fileno(), None)
        client.state = State.GONE
        client.socket.close()
