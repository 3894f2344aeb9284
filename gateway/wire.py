"""The wire protocol ``chat.v1``: every frame as a type, encoded and decoded. Pure.

``gateway/PROTOCOL.md`` tells the same to somebody who writes a client in another language. This is
the one module of the gateway that ``client/`` imports, so nothing here may import anything of it.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Struct, field

SUBPROTOCOL: Final = "chat.v1"
PATH: Final = "/ws"

MAX_FRAME_BYTES: Final = 16 * 1024
"""The largest frame a client may send, in bytes of UTF-8; a larger one closes with 1009."""
MAX_TEXT_BYTES: Final = 4096
"""The longest message text, in bytes of UTF-8."""
MAX_ROOM_CHARS: Final = 64
MAX_HISTORY: Final = 200
"""The most messages one ``join`` or ``history`` returns."""
MAX_LISTED_MEMBERS: Final = 1000
"""The most members that the answer to ``join`` lists; ``members`` lists all of them."""
LOBBY: Final = "lobby"
"""The room that always exists."""


def may_reconnect(close_code: int) -> bool:
    """Tell whether a client closed with this code should come back by itself.

    4500-4999 mean that coming back would end the same way. Everything else (a crash, a proxy's
    1001 or 1006, our own 4000-4499) is worth another try on another node.
    """
    return not 4500 <= close_code <= 4999  # noqa: PLR2004


class CommandError(Exception):
    """A command that was refused: what the ``error`` frame says, as an exception.

    The gateway raises it to refuse; the client library raises it where it was refused.
    ``retry_after`` is in seconds; ``suggestion`` is a free variant of a taken nickname.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry_after: float | None = None,
        suggestion: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.suggestion = suggestion


# --- client -> node ---------------------------------------------------------------------------

Id = Annotated[str, Meta(min_length=1, max_length=64)]
Limit = Annotated[int, Meta(ge=0, le=MAX_HISTORY)]


class Position(Struct, frozen=True):
    """A place in a room's log: everything up to ``seq`` of ``epoch`` has been seen."""

    epoch: str
    seq: Annotated[int, Meta(ge=0, le=2**53)]


class _Frame(Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """What all frames share. A field at its default is left out on the wire."""


class Command(_Frame, frozen=True, kw_only=True):
    """A frame from a client; with an ``id`` it gets exactly one ``ok`` or ``error`` of that id."""

    id: Id | None = None


class Hello(Command, frozen=True, kw_only=True, tag="hello"):
    """The first command of every connection: who I am."""

    nick: str


class Join(Command, frozen=True, kw_only=True, tag="join"):
    """Enter a room, with what was missed ``since`` a position, or the last ``history`` messages."""

    room: str
    since: Position | None = None
    history: Limit = 50


class Leave(Command, frozen=True, kw_only=True, tag="leave"):
    """Leave a room."""

    room: str


class Send(Command, frozen=True, kw_only=True, tag="send"):
    """Say ``text`` in a room. Its ``id`` is the idempotency key: sent twice, delivered once."""

    id: Id
    room: str
    text: str


class History(Command, frozen=True, kw_only=True, tag="history"):
    """Up to ``limit`` messages of a joined room before ``before``, or the newest ones."""

    room: str
    before: Annotated[int, Meta(ge=1, le=2**53)] | None = None
    limit: Limit = 50


class Members(Command, frozen=True, kw_only=True, tag="members"):
    """Everybody in a joined room."""

    room: str


class Nick(Command, frozen=True, kw_only=True, tag="nick"):
    """Take another nickname; the old one is free exactly when the new one is taken."""

    nick: str


class Rooms(Command, frozen=True, kw_only=True, tag="rooms"):
    """The rooms that exist, with how many are in each."""


class Ping(Command, frozen=True, kw_only=True, tag="ping"):
    """Answered with ``ok``: the connection and the node are alive."""


AnyCommand = Hello | Join | Leave | Send | History | Members | Nick | Rooms | Ping


class RefusedFrame(CommandError):
    """A frame that is no valid command; ``id`` is its id where one could be read."""

    def __init__(self, code: str, message: str, id: str | None = None) -> None:  # noqa: A002
        super().__init__(code, message)
        self.id = id


class _Loose(Struct):
    """The id of a frame that is not valid otherwise."""

    id: Id | None = None


_command_decoder = msgspec.json.Decoder(AnyCommand)
_loose_decoder = msgspec.json.Decoder(_Loose)


def decode_command(data: str) -> AnyCommand:
    """Read one text frame from a client.

    :raises RefusedFrame: what is wrong with it, in words for the person who wrote the client.
    """
    try:
        command: AnyCommand = _command_decoder.decode(data)
    except msgspec.ValidationError as error:
        raise RefusedFrame("bad_frame", _explain(str(error)), readable_id(data)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise RefusedFrame("bad_frame", "The frame is not valid JSON.") from None
    if type(command) is Send:
        if not command.text:
            raise RefusedFrame("bad_frame", "The text is empty.", command.id)
        if len(command.text) * 4 > MAX_TEXT_BYTES and _utf8_size(command.text) > MAX_TEXT_BYTES:
            message = f"The text is longer than {MAX_TEXT_BYTES} bytes."
            raise RefusedFrame("too_long", message, command.id)
    return command


def _utf8_size(text: str) -> int:
    return len(text.encode())


def _explain(problem: str) -> str:
    """Say in plain words what msgspec found."""
    if problem.startswith("Invalid value ") and problem.endswith("`$.type`"):
        return f"Unknown command type {problem.removeprefix('Invalid value ').split(' - ')[0]}."
    if problem.startswith("Expected `object`") and " - at" not in problem:
        return "A frame is one JSON object."
    return problem.replace("Object missing required field", "Missing field").replace("$.", "") + "."


def readable_id(data: str) -> str | None:
    """Read the id of a frame that is not carried out; None if there is none to be read."""
    try:
        return _loose_decoder.decode(data).id
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


# --- node -> client ---------------------------------------------------------------------------


class Event(_Frame, frozen=True, kw_only=True):
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
    """The answer to ``hello``."""

    nick: str
    node: str
    limits: Limits
    id: str | None = None


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
    """Something said in a room. ``at`` is Redis's clock in Unix milliseconds."""

    seq: int
    at: int
    room: str
    sender: str = field(name="from")
    text: str
    id: str


class Member(Struct, frozen=True, kw_only=True):
    """Somebody in a room."""

    nick: str


class Renamed(Struct, frozen=True, kw_only=True):
    """Somebody in a room who is now called ``nick``."""

    nick: str
    was: str


class Presence(Event, frozen=True, kw_only=True, tag="presence"):
    """What changed of a room's members since they were told of last, at version ``after``.

    Whoever was told of version ``after`` applies it and knows them at ``version``; whoever is
    older than that missed something and asks for ``members``.
    """

    room: str
    version: int
    after: int
    joined: list[Member] = []
    left: list[str] = []
    changed: list[Renamed] = []


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


AnyEvent = Message | Presence | Notice | Error | Welcome

_encode = msgspec.json.Encoder().encode
_event_decoder = msgspec.json.Decoder(AnyEvent)
_head_decoder = msgspec.json.Decoder(Head)

EventT = TypeVar("EventT", bound=Event)


def encode(frame: Command | Event) -> bytes:
    """Give a frame's bytes, ready to be sent as one text frame."""
    return _encode(frame)


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
