"""The wire protocol ``chat.v1``: every frame as a type, encoded and decoded. Pure.

``gateway/PROTOCOL.md`` describes the same for authors of clients. Beside the types is one rule that
both sides follow, `gateway.wire.mentions`; `gateway.wire.text` reads texts for it. This is the only
part of the gateway that ``client/`` imports, so it imports no other part.
"""

from gateway.wire.answers import ANSWERS
from gateway.wire.commands import (
    AnyCommand,
    Command,
    Hello,
    History,
    Join,
    Leave,
    Members,
    Nick,
    NoteTyping,
    Ping,
    RefusedFrame,
    Rooms,
    Send,
    SendDirect,
    SetStatus,
    decode_command,
    readable_id,
)
from gateway.wire.error_codes import OUTCOMES, Outcome
from gateway.wire.events import (
    AnyEvent,
    DirectMessage,
    Erased,
    Error,
    Event,
    Head,
    HistoryPage,
    Joined,
    Limits,
    Member,
    MemberList,
    Message,
    Named,
    Notice,
    Ok,
    Presence,
    Renamed,
    RoomInfo,
    RoomList,
    Sent,
    Typing,
    Welcome,
    decode_answer,
    decode_event,
    head,
)
from gateway.wire.shared import (
    LOBBY,
    MAX_FRAME_BYTES,
    MAX_HISTORY,
    MAX_LISTED_MEMBERS,
    MAX_ROOM_CHARS,
    MAX_STATUS_BYTES,
    MAX_TEXT_BYTES,
    PATH,
    SUBPROTOCOL,
    CommandError,
    Frame,
    Id,
    Limit,
    Position,
    State,
    encode,
    may_reconnect,
)

__all__ = [
    "ANSWERS", "LOBBY", "MAX_FRAME_BYTES", "MAX_HISTORY", "MAX_LISTED_MEMBERS", "MAX_ROOM_CHARS",
    "MAX_STATUS_BYTES", "MAX_TEXT_BYTES", "OUTCOMES", "PATH", "SUBPROTOCOL", "AnyCommand",
    "AnyEvent", "Command", "CommandError", "DirectMessage", "Erased", "Error", "Event", "Frame",
    "Head", "Hello", "History", "HistoryPage", "Id", "Join", "Joined", "Leave", "Limit", "Limits",
    "Member", "MemberList", "Members", "Message", "Named", "Nick", "NoteTyping", "Notice", "Ok",
    "Outcome", "Ping", "Position", "Presence", "RefusedFrame", "Renamed", "RoomInfo", "RoomList",
    "Rooms", "Send", "SendDirect", "Sent", "SetStatus", "State", "Typing", "Welcome",
    "decode_answer", "decode_command", "decode_event", "encode", "head", "may_reconnect",
    "readable_id",
]  # fmt: skip
