"""What is recorded of a run: what every client did, heard and was told, and the faults.

Times are seconds of one clock. A message is known by its text, which no other one has.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Logged = tuple[int, str]
"""A message as clients see it: its ``seq`` and its text."""


@dataclass
class Sending:
    """One message on its way; ``seq`` once it is acknowledged, ``failure`` if that never came."""

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

    ``heard`` is what came behind ``since``, in the order it came, with its time. ``kept`` tells
    that the client was there to the end of the run, and must have everything.
    """

    client: str
    room: str
    epoch: str
    since: int
    heard: list[tuple[int, str, float]] = field(default_factory=list)
    kept: bool = False


@dataclass(frozen=True)
class Hole:
    """A client was told that messages of a room are missing."""

    client: str
    room: str
    why: str
    after: int
    up_to: int
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
    """One fault, from its beginning to the moment in which we let go."""

    fault: str
    where: str
    began: float
    ended: float | None = None


@dataclass
class History:
    """All of it. ``logs`` are the last reads, by client and room."""

    sendings: list[Sending] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    holes: list[Hole] = field(default_factory=list)
    tenures: list[Tenure] = field(default_factory=list)
    presences: list[Presence] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    strikes: list[Strike] = field(default_factory=list)
    logs: dict[tuple[str, str], list[Logged]] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    """What the nodes logged as errors, and what clients met that they should not."""
