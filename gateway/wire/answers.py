"""The answer to each command: the type of the frame that says it was carried out."""

from __future__ import annotations

from typing import Final

from gateway.wire.commands import (
    AnyCommand,
    Hello,
    History,
    Join,
    Leave,
    Members,
    Nick,
    NoteTyping,
    Ping,
    Rooms,
    Send,
    SendDirect,
    SetStatus,
)
from gateway.wire.events import (
    Event,
    HistoryPage,
    Joined,
    MemberList,
    Named,
    Ok,
    RoomList,
    Sent,
    Welcome,
)

ANSWERS: Final[dict[type[AnyCommand], type[Event]]] = {
    Hello: Welcome,
    Join: Joined,
    Leave: Ok,
    Send: Sent,
    SendDirect: Sent,
    History: HistoryPage,
    Members: MemberList,
    Nick: Named,
    SetStatus: Ok,
    NoteTyping: Ok,
    Rooms: RoomList,
    Ping: Ok,
}
