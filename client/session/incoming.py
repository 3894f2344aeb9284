"""Reads a server's frames; what comes out is within bounds, whatever a server has sent. Pure.

This is the only place where frames are judged: everything behind it may rely on these bounds.

- A name, an id, an epoch or a position out of bounds makes its frame wrong: `WrongFrame`. In a
  list, only the entry that it stands in is left out.
- Texts and lists that are too long are cut. Times, counts and limits are moved into their bounds.
- Texts that are shown in one line (reasons, statuses) have no control characters.
- Frames of types that this client does not know are no frames: servers may be newer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar, get_args

from msgspec.structs import replace

from client.session.refusals import LONGEST_RETRY_AFTER
from client.text.fitting import shortened
from client.text.visible import has_unsafe, shown_line
from gateway import wire
from gateway.wire.passwords import LEAST_CHARS

MOST_NAME_CHARS: Final = 128
"""The longest name of a person or a room, and the longest id, epoch or cursor."""
MOST_SECRET_CHARS: Final = 256
MOST_NUMBER: Final = 2**53
"""The greatest position, version or count; the protocol's own bound."""
LATEST_AT: Final = 4_102_444_800_000
"""The latest time of a message, in Unix milliseconds: the beginning of 2100."""
MOST_MEMBERS: Final = 20_000
"""How many people, or rooms, one list has at most."""
MOST_MESSAGES: Final = 2_000
"""How many messages one answer has at most."""
MOST_ACCOUNT_ROOMS: Final = 10_000
"""How many rooms of an account are listed at most."""
MOST_DEVICES: Final = 100
MOST_CONVERSATIONS: Final = 1_000
MOST_PASSWORD_CHARS: Final = 1_024
"""How many characters of a password a server may ask for at least."""
MOST_ERASED: Final = 1_000
"""How many messages are erased one by one, by one frame."""
SHORTEST_RETRY_AFTER: Final = 0.1
"""Seconds; the longest is `LONGEST_RETRY_AFTER`."""

EventT = TypeVar("EventT", bound=wire.Event)
ElsewhereT = TypeVar("ElsewhereT", wire.JoinedElsewhere, wire.LeftElsewhere)
T = TypeVar("T")

_REGISTRATION: Final = frozenset({"open", "invite", "closed"})


class WrongFrame(ValueError):
    """A frame that no server sends which keeps to the protocol."""


def read_head(frame: str) -> wire.Head:
    """Return the type and the id of a frame.

    :raises WrongFrame: if it has none.
    """
    try:
        return wire.head(frame)
    except (ValueError, RecursionError) as error:
        raise WrongFrame(str(error)) from None


def read_event(frame: str) -> wire.AnyEvent | None:
    """Return the event in a frame; None if its type is none that this client knows as an event.

    :raises WrongFrame: if it is wrong.
    """
    try:
        event = wire.decode_event(frame)
    except (ValueError, RecursionError) as error:
        if read_head(frame).type not in _EVENT_TYPES:
            return None
        raise WrongFrame(str(error)) from None
    return judged(event)


def read_answer(frame: str, kind: type[EventT]) -> EventT:
    """Return the answer in a frame.

    :raises WrongFrame: if it is not of the type ``kind``, or wrong.
    """
    try:
        answer = wire.decode_answer(frame, kind)
    except (ValueError, RecursionError) as error:
        raise WrongFrame(str(error)) from None
    return judged(answer)


def judged(event: EventT) -> EventT:
    """Return an event or an answer within all bounds.

    :raises WrongFrame: if it cannot be moved into them.
    """
    judge = _JUDGES.get(type(event))
    return event if judge is None else judge(event)


# --- values -----------------------------------------------------------------------------------


def _require(*conditions: bool) -> None:
    if not all(conditions):
        raise WrongFrame("out of bounds")


def _is_token(text: str | None) -> bool:
    """Return whether a text can be an id, an epoch or a cursor, or is missing."""
    return text is None or len(text) <= MOST_NAME_CHARS


def _is_name(text: str) -> bool:
    """Return whether a text can be the name of a person or a room."""
    return 0 < len(text) <= MOST_NAME_CHARS and not has_unsafe(text)


def _is_id(text: str | None) -> bool:
    """Return whether a text can be the id of an account or a device, or is missing."""
    return text is None or _is_name(text)


def _is_secret(text: str | None) -> bool:
    return text is None or len(text) <= MOST_SECRET_CHARS


def _is_position(number: int | None) -> bool:
    return number is None or 0 <= number <= MOST_NUMBER


def _count(number: int) -> int:
    return min(max(number, 0), MOST_NUMBER)


def _seconds(number: float | None, least: float, most: float) -> float | None:
    if number is None or math.isnan(number):
        return None
    return min(max(number, least), most)


def _time(at: int) -> int:
    return min(max(at, 0), LATEST_AT)


def _several(judge: Callable[[T], T], items: Iterable[T], most: int) -> list[T]:
    """Return the first ``most`` of a list that are not wrong."""
    kept: list[T] = []
    for item in items:
        if len(kept) >= most:
            break
        try:
            kept.append(judge(item))
        except WrongFrame:
            continue
    return kept


# --- frames and their parts -------------------------------------------------------------------


def _message(message: wire.Message) -> wire.Message:
    _require(_is_name(message.sender), _is_name(message.room), _is_token(message.id))
    _require(_is_position(message.seq))
    if 0 <= message.at <= LATEST_AT and len(message.text) <= wire.MAX_TEXT_BYTES:
        return message
    text = shortened(message.text, wire.MAX_TEXT_BYTES)
    return replace(message, at=_time(message.at), text=text)


def _direct(direct: wire.DirectMessage) -> wire.DirectMessage:
    _require(_is_name(direct.sender), _is_name(direct.to), _is_token(direct.id))
    _require(_is_position(direct.seq), _is_token(direct.epoch))
    text = shortened(direct.text, wire.MAX_TEXT_BYTES)
    return replace(direct, at=_time(direct.at), text=text)


def _member(member: wire.Member) -> wire.Member:
    _require(_is_name(member.nick))
    if not member.text:
        return member
    return replace(member, text=shown_line(member.text, wire.MAX_STATUS_BYTES))


def _renamed(change: wire.Renamed) -> wire.Renamed:
    _require(_is_name(change.nick), _is_name(change.was))
    return replace(change, text=shown_line(change.text, wire.MAX_STATUS_BYTES))


def _nick(nick: str) -> str:
    _require(_is_name(nick))
    return nick


def _presence(presence: wire.Presence) -> wire.Presence:
    _require(_is_name(presence.room))
    _require(_is_position(presence.version), _is_position(presence.after))
    return replace(
        presence,
        joined=_several(_member, presence.joined, MOST_MEMBERS),
        left=_several(_nick, presence.left, MOST_MEMBERS),
        changed=_several(_renamed, presence.changed, MOST_MEMBERS),
    )


def _erased(erased: wire.Erased) -> wire.Erased:
    _require(_is_name(erased.room), _is_token(erased.epoch))
    return replace(erased, seqs=erased.seqs[:MOST_ERASED])


def _typing(typing: wire.Typing) -> wire.Typing:
    _require(_is_name(typing.nick), typing.room is None or _is_name(typing.room))
    return typing


def _notice(notice: wire.Notice) -> wire.Notice:
    _require(notice.room is None or _is_name(notice.room))
    _require(_is_token(notice.epoch), _is_position(notice.seq))
    return replace(notice, code=shown_line(notice.code), message=shown_line(notice.message))


def _error(error: wire.Error) -> wire.Error:
    suggestion = error.suggestion
    return replace(
        error,
        code=shown_line(error.code),
        message=shown_line(error.message),
        retry_after=_seconds(error.retry_after, SHORTEST_RETRY_AFTER, LONGEST_RETRY_AFTER),
        suggestion=suggestion if suggestion is not None and _is_name(suggestion) else None,
    )


def _limits(limits: wire.Limits) -> wire.Limits:
    return wire.Limits(
        frame_bytes=_count(limits.frame_bytes),
        text_bytes=max(_count(limits.text_bytes), 1),
        rooms=_count(limits.rooms),
        history=_count(limits.history),
        flood_burst=_count(limits.flood_burst),
        flood_rate=_seconds(limits.flood_rate, 0.0, MOST_NUMBER) or 0.0,
        grace_seconds=_seconds(limits.grace_seconds, 0.0, MOST_NUMBER),
        ping_interval=_seconds(limits.ping_interval, 0.0, MOST_NUMBER),
        registration=limits.registration if limits.registration in _REGISTRATION else "closed",
        password_length=min(max(limits.password_length or LEAST_CHARS, 1), MOST_PASSWORD_CHARS),
    )


def _account_room(room: wire.AccountRoom) -> wire.AccountRoom:
    _require(_is_name(room.room), _is_position(room.seq), _is_position(room.read))
    return replace(room, unread=_count(room.unread), mentions=_count(room.mentions))


def _welcome(welcome: wire.Welcome) -> wire.Welcome:
    _require(_is_name(welcome.nick), _is_secret(welcome.session), _is_secret(welcome.token))
    _require(_is_id(welcome.account), _is_id(welcome.role), _is_id(welcome.device))
    _require(welcome.inbox is None or _is_token(welcome.inbox.epoch))
    return replace(
        welcome,
        node=shown_line(welcome.node, MOST_NAME_CHARS),
        limits=_limits(welcome.limits),
        rooms=_several(_account_room, welcome.rooms, MOST_ACCOUNT_ROOMS),
        directs=_several(_direct, welcome.directs, MOST_MESSAGES),
    )


def _joined(joined: wire.Joined) -> wire.Joined:
    _require(_is_name(joined.room), _is_token(joined.epoch), _is_token(joined.last_id))
    _require(_is_position(joined.seq), _is_position(joined.version), _is_token(joined.next))
    return replace(
        joined,
        count=_count(joined.count),
        members=_several(_member, joined.members, MOST_MEMBERS),
        messages=_several(_message, joined.messages, MOST_MESSAGES),
    )


def _sent(sent: wire.Sent) -> wire.Sent:
    _require(_is_position(sent.seq))
    return sent


def _history(page: wire.HistoryPage) -> wire.HistoryPage:
    _require(page.room is None or _is_name(page.room))
    _require(page.with_ is None or _is_name(page.with_), _is_position(page.before))
    return replace(
        page,
        messages=_several(_message, page.messages, MOST_MESSAGES),
        directs=_several(_direct, page.directs, MOST_MESSAGES),
    )


def _members(page: wire.MemberList) -> wire.MemberList:
    _require(_is_name(page.room), _is_position(page.version), _is_token(page.next))
    return replace(page, members=_several(_member, page.members, MOST_MEMBERS))


def _named(named: wire.Named) -> wire.Named:
    _require(_is_name(named.nick))
    return named


def _room_info(info: wire.RoomInfo) -> wire.RoomInfo:
    _require(_is_name(info.room))
    return replace(info, members=_count(info.members))


def _rooms(answer: wire.RoomList) -> wire.RoomList:
    return replace(answer, rooms=_several(_room_info, answer.rooms, MOST_MEMBERS))


def _elsewhere(event: ElsewhereT) -> ElsewhereT:
    _require(_is_name(event.room))
    return event


def _read(read: wire.ReadElsewhere) -> wire.ReadElsewhere:
    _require((read.room is None) != (read.with_ is None), _is_position(read.seq))
    _require(_is_name(read.room or read.with_ or ""))
    return read


def _device(device: wire.Device) -> wire.Device:
    _require(_is_name(device.id))
    name = shown_line(device.name, MOST_NAME_CHARS)
    return replace(device, name=name, last_seen=_time(device.last_seen))


def _devices(answer: wire.DeviceList) -> wire.DeviceList:
    return replace(answer, devices=_several(_device, answer.devices, MOST_DEVICES))


def _conversation(conversation: wire.ConversationInfo) -> wire.ConversationInfo:
    _require(_is_name(conversation.with_), _is_token(conversation.person))
    _require(_is_position(conversation.seq), _is_position(conversation.read))
    return replace(conversation, unread=_count(conversation.unread))


def _conversations(answer: wire.ConversationList) -> wire.ConversationList:
    listed = _several(_conversation, answer.conversations, MOST_CONVERSATIONS)
    return replace(answer, conversations=listed)


_JUDGES: Final[dict[type[wire.Event], Callable[[Any], Any]]] = {
    wire.Message: _message, wire.DirectMessage: _direct, wire.Presence: _presence,
    wire.Erased: _erased, wire.Typing: _typing, wire.Notice: _notice, wire.Error: _error,
    wire.Welcome: _welcome, wire.Joined: _joined, wire.Sent: _sent, wire.HistoryPage: _history,
    wire.MemberList: _members, wire.Named: _named, wire.RoomList: _rooms,
    wire.JoinedElsewhere: _elsewhere, wire.LeftElsewhere: _elsewhere, wire.ReadElsewhere: _read,
    wire.DeviceList: _devices, wire.ConversationList: _conversations,
}  # fmt: skip
_EVENT_TYPES: Final = {kind.__struct_config__.tag for kind in get_args(wire.AnyEvent)}
