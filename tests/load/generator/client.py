"""One client of the load generator: what it is to do, and how far it has come."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from client.addresses import NodeAddress
from tests.load.generator import frames
from tests.load.generator.tally import SequenceChecker

_DEAF_BYTES: Final = 4_096
"""Receive buffer of the deaf: the kernel must not take in what they do not read."""


_TLS: Final = ssl.create_default_context()
_TLS.check_hostname = False
_TLS.verify_mode = ssl.CERT_NONE


def now() -> int:
    """Return microseconds of the clock that all processes of a machine share."""
    return time.monotonic_ns() // 1000


class ClientState(Enum):
    """How far a client has come in."""

    CONNECTING = auto()
    ENCRYPTING = auto()
    UPGRADING = auto()
    GREETING = auto()
    JOINING = auto()
    READY = auto()
    DEAF = auto()
    GONE = auto()


@dataclass(frozen=True)
class ClientSpec:
    """What a client is to do.

    - ``urls``: the nodes that it may connect to, in turn
    - ``sampled``: it reads every message; the others only count them
    - ``mover``: when its connection is lost it comes back, to the next of its nodes
    - ``deaf``: once in, it reads nothing
    - ``account``: what it signs in with, as `hello` has it; a guest has none
    - ``rooms``: those that it joins with an account, maybe none; a guest joins ``room``
    """

    number: int
    room: str
    urls: Sequence[str]
    sampled: bool
    mover: bool
    deaf: bool = False
    account: Mapping[str, str] = field(default_factory=dict)
    rooms: Sequence[str] = ()

    @property
    def joined(self) -> Sequence[str]:
        """The rooms that it joins when it comes in."""
        return self.rooms if self.account else (self.room,)


class LoadClient:
    """The state of one client: on which socket it is, how far it has come, what it has heard."""

    __slots__ = (
        "acks", "awaited", "began", "buffer", "counter", "heard", "messages", "refusals",
        "sequences", "socket", "spec", "state", "tried",
        "tries",
    )  # fmt: skip

    def __init__(self, spec: ClientSpec) -> None:
        self.spec = spec
        self.tries = 0
        self.heard = 0
        self.state = ClientState.GONE
        self.awaited = 0
        self.begin()

    def begin(self) -> None:
        """Make everything ready for a new connection."""
        family = socket.AF_INET6 if ":" in self.place.host else socket.AF_INET
        self.socket = socket.socket(family)
        if self.spec.deaf:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _DEAF_BYTES)
        self.buffer = b""
        self.began = self.tried = 0
        self.counter = frames.WordCounter(frames.MESSAGE)
        self.acks = frames.WordCounter(frames.ACK)
        self.refusals = frames.RefusalReader()
        self.messages = frames.MessageReader() if self.spec.sampled else None
        self.sequences = SequenceChecker()

    def encrypt(self) -> None:
        """Have the connected socket speak TLS from now on; whom it speaks with is not checked."""
        place = self.place
        self.socket = _TLS.wrap_socket(
            self.socket, do_handshake_on_connect=False, server_hostname=place.host
        )

    @property
    def has_more(self) -> bool:
        """Whether there is more to read of which epoll does not know."""
        return isinstance(self.socket, ssl.SSLSocket) and self.socket.pending() > 0

    @property
    def place(self) -> NodeAddress:
        """The node that it is connected to, or connects to next."""
        urls = self.spec.urls
        return NodeAddress.from_url(urls[self.tries % len(urls)])
