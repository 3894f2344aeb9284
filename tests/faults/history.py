"""What is recorded of a run: what every client did, heard and was told, and the faults.

Times are seconds of one clock. A message is known by its text, which no other one has.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

Logged = tuple[int, str]
"""A message as clients see it: its ``seq`` and its text."""
Heard = tuple[int, str, float]
"""The same, and when it came."""


@dataclass
class Sending:
    """One message on its way; ``seq`` once it is acknowledged, ``failure`` if that never came.

    If it is a direct message, ``room`` is the nickname of whom it is for.
    """

    client: str
    number: int
    room: str
    text: str
    asked_at: float
    seq: int | None = None
    answered_at: float | None = None
    failure: str = ""


@dataclass
class Stay:
    """A client in a room from one known place on, until it left or was told of a hole.

    ``heard`` is what came behind ``since``, in the order it came. ``kept`` tells that the client
    was there to the end of the run, and must have everything. ``hole`` is what it was told of.

    An inbox is a room with one reader, which ends with their session.
    """

    client: str
    room: str
    epoch: str
    since: int
    began: float = 0.0
    heard: list[Heard] = field(default_factory=list)
    kept: bool = False
    ended: float | None = None
    hole: Hole | None = None


NOT_RECOVERED: Final = "not recovered"
"""Why, where it was an answer to a join that told it."""


@dataclass(frozen=True)
class Hole:
    """A client was told that messages of a room are missing, and where it goes on."""

    client: str
    room: str
    why: str
    epoch: str
    after: int
    up_to: int
    at: float


@dataclass(frozen=True)
class Ending:
    """A node ended a client's session, for this reason."""

    client: str
    reason: str
    at: float


@dataclass
class Tenure:
    """A client had a nickname, to its certain knowledge; ``until`` is None to the end."""

    client: str
    nick: str
    since: float
    until: float | None = None


@dataclass
class Presence:
    """A client was in a room for all to see; ``until`` is when it left, None at the end."""

    nick: str
    room: str
    since: float
    until: float | None = None


@dataclass(frozen=True)
class Listing:
    """Who was in a room, as a node told a client that asked then."""

    client: str
    room: str
    asked_at: float
    nicks: frozenset[str]
    final: bool = False


@dataclass
class Strike:
    """One fault, from its beginning to the moment in which we let go.

    ``losses``: how often Redis may have lost by it what it acknowledged in that time; ``deleted``:
    messages that it had before, and lost by it. ``late`` is for how many seconds after its end the
    old primary, which goes on, may acknowledge what is lost; None if there is none that does.
    ``erased`` are those that the operator erased.
    """

    fault: str
    where: str
    began: float
    ended: float | None = None
    losses: int = 0
    deleted: frozenset[str] = frozenset()
    late: float | None = None
    erased: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Memory:
    """What a process had resident at one time."""

    process: str
    at: float
    kib: int


@dataclass
class History:
    """All of it. ``logs`` are the last reads, by client and room; ``holes`` are those of rooms."""

    sendings: list[Sending] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    directs: list[Sending] = field(default_factory=list)
    inboxes: list[Stay] = field(default_factory=list)
    holes: list[Hole] = field(default_factory=list)
    endings: list[Ending] = field(default_factory=list)
    tenures: list[Tenure] = field(default_factory=list)
    presences: list[Presence] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    strikes: list[Strike] = field(default_factory=list)
    logs: dict[tuple[str, str], list[Logged]] = field(default_factory=dict)
    readable: set[str] = field(default_factory=set)
    """The messages whose text was there to be read in the end, in a log or in a node's memory."""
    closed: Counter[str] = field(default_factory=Counter)
    """Why connections of clients ended, and how many did."""
    memory: list[Memory] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """What the nodes logged as errors, and what clients met that they should not."""
