"""What a node sends to a client, and how it is read."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Struct, field

from gateway.wire.shared import CommandError, Frame, Position, State


class Event(Frame, frozen=True, kw_only=True):
    """A frame from a node."""


class Limits(Struct, frozen=True, kw_only=True):
    """What a client may do on this node; bytes are of UTF-8, ``flood_rate`` is commands/second."""

    frame_bytes: int
    text_bytes: int
    rooms: int
    history: int
    flood_burst: int
    flood_rate: float


class Welcome(Event, frozen=True, kw_only=True, tag="welcome"):
    """The answer to ``hello``; ``session`` is the secret with which to take it up again.

    ``inbox``, ``directs`` and ``recovered`` are there when it was: one's inbox is at this position,
    up to which these are the direct messages missed, or as many of them as there are.
    """

    session: str
    resumed: bool = False
    nick: str
    node: str
    limits: Limits
    id: str | None = None
    inbox: Position | None = None
    directs: list[DirectMessage] = field(default_factory=list)
    recovered: bool | None = None


class Error(Event, frozen=True, kw_only=True, tag="error"):
    """Why a frame changed nothing."""

    code: str
    message: str
    id: str | None = None
    retry_after: float | None = None
    suggestion: str | None = None

    def as_exception(self) -> CommandError:
        """The same, to be raised."""
        return CommandError(
            self.code, self.message, retry_after=self.retry_after, suggestion=self.suggestion
        )


class Message(Event, frozen=True, kw_only=True, tag="message"):
    """Something said in a room. ``at`` is Redis's clock in Unix milliseconds.

    One that was ``erased`` by the operator has an empty ``text``.
    """

    seq: int
    at: int
    room: str
    sender: str = field(name="from")
    text: str
    erased: bool = False
    id: str


class Erased(Event, frozen=True, kw_only=True, tag="erased"):
    """Messages of a room whose text is to be shown no more: all up to ``up_to``, and ``seqs``."""

    room: str
    epoch: str
    up_to: int = 0
    seqs: list[int] = field(default_factory=list)

    def covers(self, seq: int) -> bool:
        """Return whether the message at ``seq`` is erased."""
        return seq <= self.up_to or seq in self.seqs


class DirectMessage(Event, frozen=True, kw_only=True, tag="direct"):
    """Something said between two people; ``seq`` is its place in the inbox of who gets this.

    An inbox counts anew in another ``epoch``: the server lost what it had of it.
    """

    seq: int
    at: int
    epoch: str = ""
    sender: str = field(name="from")
    to: str
    text: str
    id: str


class Typing(Event, frozen=True, kw_only=True, tag="typing"):
    """Somebody is writing, in a ``room`` or, without one, to you; true for some seconds."""

    nick: str
    room: str | None = None


class Member(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody in a room, and their status."""

    nick: str
    state: State = "online"
    text: str = ""


class Renamed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody in a room whose nickname or status changed, as they are now; ``was`` the old nick.

    ``was`` equals ``nick`` where only the status changed.
    """

    nick: str
    was: str
    state: State = "online"
    text: str = ""


class Presence(Event, frozen=True, kw_only=True, tag="presence"):
    """What changed of a room's members since they were told of last, at version ``after``.

    Whoever was told of version ``after`` applies it and knows them at ``version``; whoever is
    older than that missed something and asks for ``members``.
    """

    room: str
    version: int
    after: int
    joined: list[Member] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    changed: list[Renamed] = field(default_factory=list)


class Notice(Event, frozen=True, kw_only=True, tag="notice"):
    """Something the node tells by itself; ``room`` and what follows where it is about one."""

    code: str
    message: str
    room: str | None = None
    epoch: str | None = None
    seq: int | None = None


class Ok(Event, frozen=True, kw_only=True, tag="ok"):
    """The answer to a command that did what it says; richer ones add their results."""

    id: str | None = None


class Joined(Ok, frozen=True, kw_only=True, tag="ok"):
    """The room as it is at ``seq``: messages up to it are here, later ones follow as events.

    ``recovered`` is there when the join had ``since``: whether ``messages`` is all that was
    missed. ``count`` is how many members there are; ``members`` lists at most 1,000 of them.
    """

    room: str
    epoch: str
    seq: int
    version: int
    count: int
    members: list[Member]
    messages: list[Message]
    recovered: bool | None = None


class Sent(Ok, frozen=True, kw_only=True, tag="ok"):
    """The ``seq`` that a message got."""

    seq: int


class HistoryPage(Ok, frozen=True, kw_only=True, tag="ok"):
    """Messages in ``seq`` order; ``more`` tells whether the log has older ones."""

    room: str
    messages: list[Message]
    more: bool


class MemberList(Ok, frozen=True, kw_only=True, tag="ok"):
    """Everybody in the room at ``version``."""

    room: str
    version: int
    members: list[Member]


class Named(Ok, frozen=True, kw_only=True, tag="ok"):
    """The nickname one has now."""

    nick: str


class RoomInfo(Struct, frozen=True, kw_only=True):
    """A room and how many are in it."""

    room: str
    members: int


class RoomList(Ok, frozen=True, kw_only=True, tag="ok"):
    """The rooms that exist, the fullest first."""

    rooms: list[RoomInfo]


class Head(Struct, frozen=True):
    """What tells how to read the rest of a frame from a node."""

    type: str
    id: str | None = None


AnyEvent = Message | DirectMessage | Erased | Presence | Typing | Notice | Error | Welcome

_event_decoder = msgspec.json.Decoder(AnyEvent)
_head_decoder = msgspec.json.Decoder(Head)

EventT = TypeVar("EventT", bound=Event)


def head(data: str) -> Head:
    """Read a node's frame far enough to tell what it is.

    :raises ValueError: if it is no frame at all.
    """
    return _head_decoder.decode(data)


def decode_event(data: str) -> AnyEvent:
    """Read an event; :raises ValueError: if its ``type`` is unknown or a field is wrong."""
    event: AnyEvent = _event_decoder.decode(data)
    return event


def decode_answer(data: str, kind: type[EventT]) -> EventT:
    """Read the answer to a command that is answered with ``kind``.

    :raises ValueError: if it is something else.
    """
    return msgspec.json.decode(data, type=kind)
