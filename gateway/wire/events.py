"""Events and answers: the frames that a node sends, and how they are decoded."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Struct, field

from gateway.wire.objects import (
    AccountRoom,
    ConversationInfo,
    Device,
    Limits,
    Member,
    Renamed,
    RoomInfo,
)
from gateway.wire.shared import CommandError, Frame, Position


class Event(Frame, frozen=True, kw_only=True):
    """A frame from a node."""


class Welcome(Event, frozen=True, kw_only=True, tag="welcome"):
    """The answer to ``hello``; ``session`` is the secret with which to resume the session.

    In a resumed session ``directs`` are the missed direct messages up to the position ``inbox``,
    and ``recovered`` is whether they are all that were missed. ``inbox`` has the ``id`` of its last
    message if the log still has it.

    ``insecure`` is whether others on the way can read what is sent, secrets too.

    In a session of an account:

    - ``account``: its id, which stays the same for ever; a guest has none;
    - ``role``: what it may do: ``user``, ``admin`` or ``owner``;
    - ``device``: the id of the device that is signed in;
    - ``token``: a new device token, where one was made; it is to be kept in place of an older one;
    - ``rooms``: the rooms of the account, which are to be joined;
    - ``change_password``: whether the password was a code for one use, so that a new one is needed.
    """

    session: str
    resumed: bool = False
    insecure: bool = False
    nick: str
    node: str
    limits: Limits
    account: str | None = None
    role: str | None = None
    device: str | None = None
    token: str | None = None
    rooms: list[AccountRoom] = field(default_factory=list)
    change_password: bool = False
    id: str | None = None
    inbox: Position | None = None
    directs: list[DirectMessage] = field(default_factory=list)
    recovered: bool | None = None


class Error(Event, frozen=True, kw_only=True, tag="error"):
    """The answer to a refused command.

    - ``temporary``: whether the same command may succeed later;
    - ``uncertain``: whether it may have been carried out, or may yet be.

    Nodes of earlier versions leave these two out; then they follow from the code.
    """

    code: str
    message: str
    id: str | None = None
    retry_after: float | None = None
    suggestion: str | None = None
    reason: str | None = None
    until: int | None = None
    temporary: bool | None = None
    uncertain: bool | None = None

    def as_exception(self) -> CommandError:
        """Return the error as an exception."""
        return CommandError(
            self.code,
            self.message,
            retry_after=self.retry_after,
            suggestion=self.suggestion,
            reason=self.reason,
            until=self.until,
            temporary=self.temporary,
            uncertain=self.uncertain,
        )


class Message(Event, frozen=True, kw_only=True, tag="message"):
    """A message in a room. ``at`` is in Unix milliseconds, by Redis's clock.

    If the operator has ``erased`` it, its ``text`` is empty.
    """

    seq: int
    at: int
    room: str
    sender: str = field(name="from")
    text: str
    erased: bool = False
    id: str


class Erased(Event, frozen=True, kw_only=True, tag="erased"):
    """The operator has erased messages of a room: all up to ``up_to``, and those in ``seqs``."""

    room: str
    epoch: str
    up_to: int = 0
    seqs: list[int] = field(default_factory=list)

    def covers(self, seq: int) -> bool:
        """Return whether the message at ``seq`` is erased."""
        return seq <= self.up_to or seq in self.seqs


class DirectMessage(Event, frozen=True, kw_only=True, tag="direct"):
    """A direct message; ``seq`` is its place in the inbox of the client that receives this frame.

    In another ``epoch``, numbers may be used again: the server lost messages of the inbox.
    - ``person`` is a tag of the other one of the two, which stays the same for as long as their
      account or guest's session lasts, and is nobody else's; messages from nodes of earlier
      versions have none.
    - ``own`` is whether the account of this client sent it, from whatever device; guests tell that
      by their nickname.
    """

    seq: int
    at: int
    epoch: str = ""
    sender: str = field(name="from")
    to: str
    text: str
    own: bool = False
    person: str | None = None
    id: str


class Typing(Event, frozen=True, kw_only=True, tag="typing"):
    """Somebody is typing, in a ``room`` or, without one, to you; valid for some seconds."""

    nick: str
    room: str | None = None


class Presence(Event, frozen=True, kw_only=True, tag="presence"):
    """How the members of a room changed between the versions ``after`` and ``version``.

    A client whose list is older than ``after`` has missed a change, and asks for ``members``.
    """

    room: str
    version: int
    after: int
    joined: list[Member] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    changed: list[Renamed] = field(default_factory=list)


class JoinedElsewhere(Event, frozen=True, kw_only=True, tag="joined"):
    """Another device of the account has joined a room: the account is in it now."""

    room: str


class LeftElsewhere(Event, frozen=True, kw_only=True, tag="left"):
    """Another device of the account has left a room: no device is in it any more."""

    room: str


class ReadElsewhere(Event, frozen=True, kw_only=True, tag="read"):
    """The account's owner has read a ``room``, or what came from ``with``, up to ``seq``."""

    room: str | None = None
    with_: str | None = field(name="with", default=None)
    seq: int


class Notice(Event, frozen=True, kw_only=True, tag="notice"):
    """Something that the node reports unasked; ``room`` is there where it is about one."""

    code: str
    message: str
    room: str | None = None
    epoch: str | None = None
    seq: int | None = None
    reason: str | None = None
    until: int | None = None


class Ok(Event, frozen=True, kw_only=True, tag="ok"):
    """The answer to a command that was carried out; some have results beside the ``id``."""

    id: str | None = None


class Joined(Ok, frozen=True, kw_only=True, tag="ok"):
    """The answer to ``join``: the room at ``seq``; later messages follow as events.

    - ``last_id``: the ``id`` of the message at ``seq``, if the log still has it;
    - ``count``: the number of members, of whom ``members`` is the first page;
    - ``next``: the ``after`` of the second page, which `Members` asks for; None if there is none;
    - ``recovered``: if the join had ``since``, whether ``messages`` is all that was missed.
    """

    room: str
    epoch: str
    seq: int
    last_id: str | None = None
    version: int
    count: int
    members: list[Member]
    messages: list[Message]
    recovered: bool | None = None
    next: str | None = None


class Sent(Ok, frozen=True, kw_only=True, tag="ok"):
    """The answer to ``send`` and ``direct``: the ``seq`` of the message."""

    seq: int


class HistoryPage(Ok, frozen=True, kw_only=True, tag="ok"):
    """The answer to ``history``: messages in order, and whether the log has older ones.

    Those of a ``room`` are ``messages``, those exchanged ``with`` somebody are ``directs``; then
    ``before`` is where the next page is to begin.
    """

    room: str | None = None
    with_: str | None = field(name="with", default=None)
    messages: list[Message] = field(default_factory=list)
    directs: list[DirectMessage] = field(default_factory=list)
    before: int | None = None
    more: bool


class MemberList(Ok, frozen=True, kw_only=True, tag="ok"):
    """The answer to ``members``: a page of the members at ``version``.

    ``next`` is the ``after`` of the page that follows; None if this is the last one.
    """

    room: str
    version: int
    members: list[Member]
    next: str | None = None


class Named(Ok, frozen=True, kw_only=True, tag="ok"):
    """The answer to ``nick``: the nickname as others see it."""

    nick: str


class DeviceList(Ok, frozen=True, kw_only=True, tag="ok"):
    """The answer to ``devices``: those signed in to the account, the one used last first."""

    devices: list[Device]


class ConversationList(Ok, frozen=True, kw_only=True, tag="ok"):
    """The answer to ``conversations``: the one with the newest message first."""

    conversations: list[ConversationInfo]


class RoomList(Ok, frozen=True, kw_only=True, tag="ok"):
    """The answer to ``rooms``: the rooms that exist, the fullest first."""

    rooms: list[RoomInfo]


class Head(Struct, frozen=True):
    """The type and the id of a node's frame, by which to decode the rest."""

    type: str
    id: str | None = None


AnyEvent = (
    Message | DirectMessage | Erased | Presence | Typing | Notice | Error | Welcome
    | JoinedElsewhere | LeftElsewhere | ReadElsewhere
)  # fmt: skip

_event_decoder = msgspec.json.Decoder(AnyEvent)
_head_decoder = msgspec.json.Decoder(Head)

EventT = TypeVar("EventT", bound=Event)


def head(data: str) -> Head:
    """Return the type and the id of a node's frame; :raises ValueError: if it is no frame."""
    return _head_decoder.decode(data)


def decode_event(data: str) -> AnyEvent:
    """Return the event in a frame; :raises ValueError: if its type or a field is wrong."""
    event: AnyEvent = _event_decoder.decode(data)
    return event


def decode_answer(data: str, kind: type[EventT]) -> EventT:
    """Return the answer in a frame; :raises ValueError: if it is not of the type ``kind``."""
    return msgspec.json.decode(data, type=kind)
