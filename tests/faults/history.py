"""The history: everything that was observed in a run.

Times are seconds of one clock. A message is identified by its text, which is unique in a run.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Literal

LoggedMessage = tuple[int, str]
"""A message as it is in a log: its ``seq`` and its text."""
ReceivedMessage = tuple[int, str, float]
"""A message as a client received it: its ``seq``, its text, and when."""

NOT_RECOVERED: Final = "not recovered"
"""The reason of a gap that the answer to a join reported; others have the code of a notice."""


@dataclass
class SendOperation:
    """One attempt to send a message.

    - ``number``: counts the client's own messages
    - ``target``: a room, or the nickname that a direct message is for
    - ``seq``, ``completed_at``: of the acknowledgement; None if there was none
    - ``failure``: why there was none, if the client was told
    """

    client: str
    number: int
    target: str
    text: str
    invoked_at: float
    seq: int | None = None
    completed_at: float | None = None
    failure: str = ""


@dataclass
class Observation:
    """What one client received of one stream, a room or an inbox, without a reported gap.

    - ``stream``: the room, or a name for the inbox, which ends with its session
    - ``since``: it must receive every message after this ``seq``
    - ``received``: in the order in which they came
    - ``kept``: it lasted to the end of the run, so that nothing at all may be missing
    - ``ended``, ``gap``: when and by which gap it ended; without a gap the client left
    """

    client: str
    stream: str
    epoch: str
    since: int
    began: float = 0.0
    received: list[ReceivedMessage] = field(default_factory=list)
    kept: bool = False
    ended: float | None = None
    gap: ReportedGap | None = None


@dataclass(frozen=True)
class ReportedGap:
    """A client was told that messages after ``after``, up to ``up_to``, will not come.

    ``epoch`` is the one in which the stream continues.
    """

    client: str
    stream: str
    reason: str
    epoch: str
    after: int
    up_to: int
    at: float


@dataclass(frozen=True)
class SessionEnd:
    """A node ended a client's session for good."""

    client: str
    reason: str
    at: float


@dataclass
class NickOwnership:
    """A client certainly had a nickname; to the end of the run if ``until`` is None.

    ``reserved``: it is an account's, and stays its own while nobody is there.
    """

    client: str
    nick: str
    since: float
    until: float | None = None
    reserved: bool = False


@dataclass
class RoomMembership:
    """A nickname was certainly in a room; to the end of the run if ``until`` is None."""

    nick: str
    room: str
    since: float
    until: float | None = None


@dataclass(frozen=True)
class RosterRead:
    """A client asked who is in a room; ``final`` reads come after all faults."""

    client: str
    room: str
    invoked_at: float
    nicks: frozenset[str]
    final: bool = False
    repeated: tuple[str, ...] = ()
    """The nicknames that were listed more than once."""


@dataclass
class InjectedFault:
    """A fault, from its beginning until the nemesis let go.

    - ``name``, ``target``: which fault, and what it struck
    - ``losses``: how often Redis may have lost what it acknowledged meanwhile
    - ``deleted``: the texts of messages that Redis had before, and lost
    - ``late``: seconds after the end in which an old primary may still acknowledge what is lost;
      None if no old primary goes on
    - ``erased``: the texts of messages that the operator erased
    - ``undone_since``: since when even what was made durable is undone, as Redis went back to that
      time; None if it did not
    """

    name: str
    target: str
    began: float
    ended: float | None = None
    losses: int = 0
    deleted: frozenset[str] = frozenset()
    late: float | None = None
    erased: frozenset[str] = frozenset()
    undone_since: float | None = None

    @property
    def end(self) -> float:
        """When the nemesis let go; the beginning if it did not, as at the end of a run."""
        return self.began if self.ended is None else self.ended


MarkerSource = Literal["answer", "welcome", "event"]
CredentialKind = Literal["password", "token", "session"]


@dataclass(eq=False)
class Credential:
    """A secret that lets its owner into an account.

    - ``since``: when it was acknowledged that it does; None if that was never certain
    - ``doubtful``: from when on it may be refused, because its end was asked for
    - ``revoked``: when its end was acknowledged; None if it was not, or that is uncertain
    """

    account: str
    kind: CredentialKind
    secret: str = field(repr=False)
    since: float | None = None
    doubtful: float | None = None
    revoked: float | None = None


@dataclass(frozen=True)
class CredentialUse:
    """A credential was accepted, or refused for good."""

    credential: Credential
    invoked_at: float
    answered_at: float
    accepted: bool
    where: str = ""


@dataclass(frozen=True)
class RevokedConnection:
    """A connection of a device whose revocation was acknowledged while it was open.

    ``closed``: when the node closed it; None if it was still open at ``watched_until``.
    """

    account: str
    node: str
    revoked: float
    closed: float | None
    watched_until: float


@dataclass(frozen=True)
class MarkerSighting:
    """How far a room was read, as a device was told.

    ``source``: the answer to the command that moved the marker, a welcome, or an event about
    another device.
    """

    account: str
    device: str
    room: str
    seq: int
    invoked_at: float
    at: float
    source: MarkerSource


@dataclass(frozen=True)
class ConversationRead:
    """All direct messages between two people with accounts, as one of them read them at the end.

    ``since``: when both accounts were there. What was sent before is not theirs, but of accounts
    that Redis has lost.
    """

    person: str
    other: str
    messages: tuple[LoggedMessage, ...]
    since: float = -math.inf


@dataclass(frozen=True)
class MemorySample:
    """How many KiB a process had resident at one time."""

    process: str
    at: float
    kib: int


@dataclass
class RunHistory:
    """All that was observed in a run.

    - ``room_sends``, ``rooms``, ``gaps``: of rooms
    - ``direct_sends``, ``inboxes``: of direct messages
    - ``final_reads``: every client's last read of each room's log, by client and room
    - ``readable``: texts that could be read at the end, in a log or on a node
    - ``disconnects``: why connections of clients ended, and how often
    - ``credentials``: of all accounts; ``credential_uses``: what became of trying them
    - ``errors``: what nodes logged as errors, and what clients met that must not be
    """

    room_sends: list[SendOperation] = field(default_factory=list)
    rooms: list[Observation] = field(default_factory=list)
    gaps: list[ReportedGap] = field(default_factory=list)
    direct_sends: list[SendOperation] = field(default_factory=list)
    inboxes: list[Observation] = field(default_factory=list)
    session_ends: list[SessionEnd] = field(default_factory=list)
    ownerships: list[NickOwnership] = field(default_factory=list)
    memberships: list[RoomMembership] = field(default_factory=list)
    roster_reads: list[RosterRead] = field(default_factory=list)
    faults: list[InjectedFault] = field(default_factory=list)
    final_reads: dict[tuple[str, str], list[LoggedMessage]] = field(default_factory=dict)
    readable: set[str] = field(default_factory=set)
    disconnects: Counter[str] = field(default_factory=Counter)
    credentials: list[Credential] = field(default_factory=list)
    credential_uses: list[CredentialUse] = field(default_factory=list)
    revoked_connections: list[RevokedConnection] = field(default_factory=list)
    markers: list[MarkerSighting] = field(default_factory=list)
    conversations: list[ConversationRead] = field(default_factory=list)
    memory: list[MemorySample] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
