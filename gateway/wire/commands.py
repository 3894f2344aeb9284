"""Commands: the frames that a client sends, and how they are decoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Final

import msgspec
from msgspec import Meta, Struct, field

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
    """Begin a session or resume one; the first command of a connection, if not `Register`.

    - ``nick``: begin one as a guest; with ``password``, as the account that has the nickname;
    - ``token``: begin one as the account and device that have this device token;
    - ``jwt``: begin one as the account of a JSON Web Token's subject;
    - ``device``, with ``password`` or ``jwt``: what the account's owner calls this device;
    - ``session``, with ``nick`` alone: a secret chosen by the client, with which it can resume the
      session even if the answer is lost;
    - ``resume``: the secret of the session to resume;
    - ``inbox``, with ``resume``: the last direct message that the client has seen.
    """

    nick: str | None = None
    password: str | None = None
    token: str | None = None
    jwt: str | None = None
    device: str | None = None
    session: Secret | None = None
    resume: Annotated[str, Meta(max_length=64)] | None = None
    inbox: Position | None = None


class Register(Command, frozen=True, kw_only=True, tag="register"):
    """Make an account; as the first command, or by a guest, who then is the account.

    - ``invite``: the code of an invitation, where the server asks for one;
    - ``device``: what the account's owner calls this device.

    With the same ``id``, nickname and password it is the same account: sent twice, made once.
    """

    id: Id
    nick: str
    password: str
    invite: str | None = None
    device: str | None = None


class ChangePassword(Command, frozen=True, kw_only=True, tag="password"):
    """Change the account's password; with ``sign_out_others``, sign out all other devices."""

    old: str
    new: str
    sign_out_others: bool = False


class Devices(Command, frozen=True, kw_only=True, tag="devices"):
    """List the devices that are signed in to the account."""

    only_reads = True


class Revoke(Command, frozen=True, kw_only=True, tag="revoke"):
    """Sign out a ``device`` of the account, by its id, or all ``others`` but this one."""

    device: Annotated[str, Meta(max_length=64)] | None = None
    others: bool = False


class SignOut(Command, frozen=True, kw_only=True, tag="sign_out"):
    """Sign out this device, and end the session."""


class DeleteAccount(Command, frozen=True, kw_only=True, tag="delete_account"):
    """Delete the account and all that it has, and end all its sessions."""

    password: str


class Refresh(Command, frozen=True, kw_only=True, tag="refresh"):
    """Go on with a new JSON Web Token of the same subject, before the old one has expired."""

    jwt: str


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
    """Get up to ``limit`` messages before ``before``, or the newest ones.

    They are those of a joined ``room``, or direct messages that the account exchanged ``with``
    somebody.
    """

    only_reads = True

    room: str | None = None
    with_: str | None = field(name="with", default=None)
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


class SetIdle(Command, frozen=True, kw_only=True, tag="idle"):
    """Set whether nobody uses this device now; who is idle on all devices is shown as away."""

    idle: bool


class MarkRead(Command, frozen=True, kw_only=True, tag="read"):
    """Record that the account's owner has read a room, or what came from somebody, up to ``seq``.

    It has either ``room`` or ``with``. A marker never goes back.
    """

    room: str | None = None
    with_: str | None = field(name="with", default=None)
    seq: Annotated[int, Meta(ge=0, le=2**53)]


class Conversations(Command, frozen=True, kw_only=True, tag="conversations"):
    """List the people with whom the account has exchanged direct messages."""

    only_reads = True


class NoteTyping(Command, frozen=True, kw_only=True, tag="typing"):
    """Notify a joined room, or the person ``to``, that one is typing; stored nowhere."""

    room: str | None = None
    to: str | None = None


AnyCommand = (
    Hello | Join | Leave | Send | History | Members | Nick | Rooms | Ping
    | SendDirect | SetStatus | SetIdle | NoteTyping
    | Register | ChangePassword | Devices | Revoke | SignOut | DeleteAccount | Refresh
    | MarkRead | Conversations
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
    if (check := _CHECKS.get(type(command))) is not None:
        check(command)
    return command


def _check_hello(hello: Hello) -> None:
    given = [hello.nick, hello.token, hello.jwt, hello.resume]
    if given.count(None) != len(given) - 1:
        text = "A hello has exactly one of `nick`, `token`, `jwt` and `resume`."
        raise RefusedFrame("bad_frame", text, hello.id)
    if hello.password is not None and hello.nick is None:
        raise RefusedFrame("bad_frame", "A `password` goes with a `nick`.", hello.id)
    if hello.session is not None and len(set(hello.session)) < LEAST_DIFFERENT:
        message = (
            f"The secret in session has fewer than {LEAST_DIFFERENT} different characters: it is "
            "to be 128 random bits or more."
        )
        raise RefusedFrame("bad_frame", message, hello.id)


def _check_text(command: Send | SendDirect) -> None:
    if not command.text:
        raise RefusedFrame("bad_frame", "The text is empty.", command.id)
    _check_size(command, command.text, MAX_TEXT_BYTES)


def _check_status(status: SetStatus) -> None:
    _check_size(status, status.text, MAX_STATUS_BYTES)
    if any(map(_is_control, status.text)):
        message = "The text of a status has no line breaks and no control characters."
        raise RefusedFrame("bad_status", message, status.id)


def _check_typing(typing: NoteTyping) -> None:
    if (typing.room is None) == (typing.to is None):
        raise RefusedFrame("bad_frame", "Typing names either a room or, in to, a nick.", typing.id)


def _check_log(command: History | MarkRead) -> None:
    if (command.room is None) == (command.with_ is None):
        raise RefusedFrame("bad_frame", "It names either a room or, in with, a nick.", command.id)


def _check_revoke(revoke: Revoke) -> None:
    if (revoke.device is None) != revoke.others:
        raise RefusedFrame("bad_frame", "Either a device is revoked or all others.", revoke.id)


def _check_size(command: Command, text: str, most: int) -> None:
    if len(text) * 4 > most and len(text.encode()) > most:
        raise RefusedFrame("too_long", f"The text is longer than {most} bytes.", command.id)


_CHECKS: Final[dict[type[AnyCommand], Callable[[Any], None]]] = {
    Hello: _check_hello,
    Send: _check_text,
    SendDirect: _check_text,
    SetStatus: _check_status,
    NoteTyping: _check_typing,
    History: _check_log,
    MarkRead: _check_log,
    Revoke: _check_revoke,
}
"""What a command must be beyond what its type says."""


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
