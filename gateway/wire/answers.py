"""The answer to each command: the type of the frame that says it was carried out."""

from __future__ import annotations

from typing import Final

from gateway.wire.commands import (
    AnyCommand,
    ChangePassword,
    Conversations,
    DeleteAccount,
    Devices,
    Hello,
    History,
    Join,
    Leave,
    MarkRead,
    Members,
    Nick,
    NoteTyping,
    Ping,
    Refresh,
    Register,
    Revoke,
    Rooms,
    Send,
    SendDirect,
    SetIdle,
    SetStatus,
    SignOut,
)
from gateway.wire.events import (
    ConversationList,
    DeviceList,
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
    Register: Welcome,
    ChangePassword: Ok,
    Devices: DeviceList,
    Revoke: Ok,
    SignOut: Ok,
    DeleteAccount: Ok,
    Refresh: Ok,
    MarkRead: Ok,
    Conversations: ConversationList,
    SetIdle: Ok,
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
