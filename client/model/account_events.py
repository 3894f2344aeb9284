"""What happens to an account: what it has read, and what its other devices do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from client import events
from client.i18n.texts import _
from client.model.conversation import Conversation
from client.model.conversation_key import ConversationKey
from gateway import wire

if TYPE_CHECKING:
    from client.model.chat import Chat


def apply(chat: Chat, event: object, now: int) -> None:
    """Apply an event of an account; others change nothing."""
    match event:
        case events.AccountState():
            _begin(chat, event)
        case events.NickChanged(nick):
            chat.nick = nick
        case wire.ConversationList():
            _list_conversations(chat, event)
        case wire.ReadElsewhere(room=room, with_=nick, seq=seq):
            key = ConversationKey(room or nick or "", direct=room is None)
            if (conversation := chat.find(key)) is not None:
                conversation.read_elsewhere(seq, chat.nick)
        case wire.JoinedElsewhere(room=room):
            chat.room(room)
        case wire.LeftElsewhere(room=room):
            leave_elsewhere(chat, room, now)


def _begin(chat: Chat, state: events.AccountState) -> None:
    """Show the account's rooms, the first one first, with what is unread in each."""
    if chat.account is not None and chat.account.account != state.account:
        chat.conversations.clear()  # of somebody else who has had the nickname
        chat.current = None
    chat.account = state
    for each in reversed(state.rooms):
        chat.room(each.room).begin_at(each.read, each.unread, each.mentions)
    if chat.current is None:
        chat.current = next(iter(chat.rooms), None)


def _list_conversations(chat: Chat, listed: wire.ConversationList) -> None:
    """Show the conversations of the account, the one with the newest message first."""
    for each in reversed(listed.conversations):
        key = ConversationKey(each.with_, direct=True)
        is_new = chat.find(key) is None
        conversation = chat.conversation(key)
        conversation.begin_at(each.read, each.unread, each.unread, seq=each.seq)
        if is_new:
            chat.use(conversation)


def leave_elsewhere(chat: Chat, room: str, now: int) -> None:
    """Close a room that another device has left.

    It stays, and says so, if something that the person has written is in it, or it is the last one.
    """
    conversation = chat.open_room(room)
    if conversation is None:
        return
    if conversation.has_unsent or len(chat.rooms) == 1:
        text = _("You have left this room on another device.")
        conversation.report(now, text, warning=True)
        conversation.refuse_join(text)
        conversation.left_elsewhere = True
    else:
        chat.close(conversation)


def take_status(chat: Chat, members: Sequence[wire.Member]) -> None:
    """Show the status that the account has, which another device may have set."""
    if chat.account is not None:
        chat.status = next((m for m in members if m.nick == chat.nick), chat.status)


def keep_unsent(chat: Chat, ended: events.Ended) -> None:
    """Mark what may have been delivered: it is not sent again by itself from another session."""
    for unsent in ended.unsent:
        command = unsent.command
        if isinstance(command, wire.Send):
            key = ConversationKey(command.room)
        else:
            key = ConversationKey(command.to, direct=True)
        conversation: Conversation | None = chat.find(key)
        if conversation is not None and unsent.uncertain:
            conversation.refuse(command.id, ended.reason, uncertain=True)
