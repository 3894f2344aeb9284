"""Commands: the frames that a client sends, and how they are decoded."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta, Struct

from gateway.wire.shared import (
    LEAST_DIFFERENT,
    MAX_LISTED_MEMBERS,
    MAX_STATUS_BYTES,
    MAX_TEXT_BYTES,
    CommandError,
    Cursor,
    Frame,
    Id,
    Limit,
    PageLimit,
    Position,
    Secret,
    State,
)


class Command(Frame, frozen=True, kw_only=True):
    """A frame from a client; with an ``id`` it gets exactly one ``ok`` or ``error`` of that id."""

    only_reads: ClassVar[bool] = False
    """Whether it changes nothing, so that it does not matter whether it was carried out."""

    id: Id | None = None


class Hello(Command, frozen=True, kw_only=True, tag="hello"):
    """Begin a session under ``nick``, or resume one; the first command of every connection.

    - ``session``, with ``nick``: a secret chosen by the client, with which it can resume the
      session even if the answer is lost;
    - ``resume``: the secret of the session to resume;
    - ``inbox``, with ``resume``: the last direct message that the client has seen.
    """

    nick: str | None = None
    session: Secret | None = None
    resume: Annotated[str, Meta(max_length=64)] | None = None
    inbox: Position | None = None


class Join(Command, frozen=True, kw_only=True, tag="join"):
    """Join a room, and get its messages ``since`` a position, or the last ``history`` ones."""

    room: str
    since: Position | None = None
    history: Limit = 50


class Leave(Command, frozen=True, kw_only=True, tag="leave"):
    """Leave a room."""

    room: str


class Send(Command, frozen=True, kw_only=True, tag="send"):
    """Send ``text`` to a room. Its ``id`` is the idempotency key: sent twice, delivered once."""

    id: Id
    room: str
    text: str


class History(Command, frozen=True, kw_only=True, tag="history"):
    """Get up to ``limit`` messages of a joined room before ``before``, or the newest ones."""

    only_reads = True

    room: str
    before: Annotated[int, Meta(ge=1, le=2**53)] | None = None
    limit: Limit = 50


class Members(Command, frozen=True, kw_only=True, tag="members"):
    """Get a page of the members of a joined room: the first one, or the one ``after`` another."""

    only_reads = True

    room: str
    after: Cursor | None = None
    limit: PageLimit = MAX_LISTED_MEMBERS


class Nick(Command, frozen=True, kw_only=True, tag="nick"):
    """Change the nickname; the old one is released in the same step."""

    nick: str


class Rooms(Command, frozen=True, kw_only=True, tag="rooms"):
    """List the rooms that exist, with their numbers of members."""

    only_reads = True


class Ping(Command, frozen=True, kw_only=True, tag="ping"):
    """Get an ``ok``, to see that the connection and the node are alive."""

    only_reads = True


class SendDirect(Command, frozen=True, kw_only=True, tag="direct"):
    """Send ``text`` to one person, by nickname; its ``id`` is the idempotency key, as `Send`'s.

    ``person`` is the tag of whoever is meant, from an earlier `DirectMessage`: the message is sent
    only if the nickname is still theirs.
    """

    id: Id
    to: str
    text: str
    person: Annotated[str, Meta(max_length=64)] | None = None


class SetStatus(Command, frozen=True, kw_only=True, tag="status"):
    """Set the status that members of one's rooms see: a state, and a few words."""

    state: State
    text: str = ""


class NoteTyping(Command, frozen=True, kw_only=True, tag="typing"):
    """Notify a joined room, or the person ``to``, that one is typing; stored nowhere."""

    room: str | None = None
    to: str | None = None


AnyCommand = (
    Hello | Join | Leave | Send | History | Members | Nick | Rooms | Ping
    | SendDirect | SetStatus | NoteTyping
)  # fmt: skip


class RefusedFrame(CommandError):
    """A frame that is not a valid command; ``id`` is its id where one could be read."""

    def __init__(self, code: str, message: str, id: str | None = None) -> None:  # noqa: A002
        super().__init__(code, message)
        self.id = id


class _OnlyId(Struct):
    """The id of a frame that is not valid otherwise."""

    id: Id | None = None


_command_decoder = msgspec.json.Decoder(AnyCommand)
_id_decoder = msgspec.json.Decoder(_OnlyId)


def decode_command(data: str) -> AnyCommand:
    """Return the command in a text frame.

    :raises RefusedFrame: saying what is wrong with it, for the client's author.
    """
    try:
        command: AnyCommand = _command_decoder.decode(data)
    except msgspec.ValidationError as error:
        raise RefusedFrame("bad_frame", _explain(str(error)), readable_id(data)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise RefusedFrame("bad_frame", "The frame is not valid JSON.") from None
    if type(command) is Hello and (command.nick is None) == (command.resume is None):
        raise RefusedFrame("bad_frame", "A hello has either `nick` or `resume`.", command.id)
    if type(command) is Hello and command.session is not None:
        _check_secret(command, command.session)
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


def _check_secret(command: Command, secret: str) -> None:
    if len(set(secret)) < LEAST_DIFFERENT:
        message = (
            f"The secret in session has fewer than {LEAST_DIFFERENT} different characters: it is "
            "to be 128 random bits or more."
        )
        raise RefusedFrame("bad_frame", message, command.id)


def _check_size(command: Command, text: str, most: int) -> None:
    if len(text) * 4 > most and len(text.encode()) > most:
        raise RefusedFrame("too_long", f"The text is longer than {most} bytes.", command.id)


def _is_control(c: str) -> bool:
    return c < " " or "\x7f" <= c <= "\x9f" or c in "\u2028\u2029"


def _explain(problem: str) -> str:
    """Return what msgspec found wrong, in plain words."""
    if problem.startswith("Invalid value ") and problem.endswith("`$.type`"):
        return f"Unknown command type {problem.removeprefix('Invalid value ').split(' - ')[0]}."
    if problem.startswith("Expected `object`") and " - at" not in problem:
        return "A frame is one JSON object."
    return problem.replace("Object missing required field", "Missing field").replace("$.", "") + "."


def readable_id(data: str) -> str | None:
    """Return the id of a frame that is not carried out; None if none can be read."""
    try:
        return _id_decoder.decode(data).id
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
