"""What a client sends to a node, and how it is read."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from gateway.wire.shared import (
    MAX_STATUS_BYTES,
    MAX_TEXT_BYTES,
    CommandError,
    Frame,
    Id,
    Limit,
    Position,
    Secret,
    State,
)


class Command(Frame, frozen=True, kw_only=True):
    """A frame from a client; with an ``id`` it gets exactly one ``ok`` or ``error`` of that id."""

    id: Id | None = None


class Hello(Command, frozen=True, kw_only=True, tag="hello"):
    """The first command of every connection: who I am, or the secret of a session to go on with.

    With the latter, ``inbox`` tells what one has seen of one's direct messages. With a nickname,
    ``session`` is a secret of one's own: should the answer be lost, the session can be taken up.
    """

    nick: str | None = None
    session: Secret | None = None
    resume: Annotated[str, Meta(max_length=64)] | None = None
    inbox: Position | None = None


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


class SendDirect(Command, frozen=True, kw_only=True, tag="direct"):
    """Say ``text`` to one person, by nickname; its ``id`` is the idempotency key, as `Send`'s."""

    id: Id
    to: str
    text: str


class SetStatus(Command, frozen=True, kw_only=True, tag="status"):
    """Tell all rooms one is in whether one is there, with a few words."""

    state: State
    text: str = ""


class NoteTyping(Command, frozen=True, kw_only=True, tag="typing"):
    """Tell a joined room, or the person ``to``, that one is writing; kept nowhere."""

    room: str | None = None
    to: str | None = None


AnyCommand = (
    Hello | Join | Leave | Send | History | Members | Nick | Rooms | Ping
    | SendDirect | SetStatus | NoteTyping
)  # fmt: skip


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
    if type(command) is Hello and (command.nick is None) == (command.resume is None):
        raise RefusedFrame("bad_frame", "A hello has either `nick` or `resume`.", command.id)
    if type(command) is Send or type(command) is SendDirect:
        if not command.text:
            raise RefusedFrame("bad_frame", "The text is empty.", command.id)
        _check_size(command, command.text, MAX_TEXT_BYTES)
    elif type(command) is SetStatus:
        _check_size(command, command.text, MAX_STATUS_BYTES)
        if any(map(_is_control, command.text)):
            message = "The text of a status has no line breaks and no control characters."
            raise RefusedFrame("bad_status", message, command.id)
    elif type(command) is NoteTyping and (command.room is None) == (command.to is None):
        raise RefusedFrame("bad_frame", "Typing names either a room or, in to, a nick.", command.id)
    return command


def _check_size(command: Command, text: str, most: int) -> None:
    if len(text) * 4 > most and len(text.encode()) > most:
        raise RefusedFrame("too_long", f"The text is longer than {most} bytes.", command.id)


def _is_control(c: str) -> bool:
    return c < " " or "\x7f" <= c <= "\x9f" or c in "\u2028\u2029"


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
