"""Keeps a chat and the account of its session in agreement: what was read, and with whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import trio

from client.model import Chat, Conversation
from client.session import AccountState, ClientSession, CommandError, NotConnected
from client.session.delivery import insist
from gateway import wire


class AccountController:
    """What an open session does for the account that it has; nothing for a guest.

    ``apply`` applies an answer to the chat; ``load`` loads older messages of a conversation.
    """

    def __init__(
        self,
        chat: Chat,
        session: ClientSession,
        nursery: trio.Nursery,
        *,
        apply: Callable[[wire.ConversationList], None],
        load: Callable[[Conversation], Awaitable[None]],
    ) -> None:
        self._chat, self._session, self._nursery = chat, session, nursery
        self._apply, self._load = apply, load
        self._told: dict[Conversation, int] = {}

    @property
    def is_there(self) -> bool:
        """Whether the session is an account's."""
        return self._session.account.state is not None

    def rooms_to_join(self, state: AccountState) -> list[Conversation]:
        """Return the open rooms that the account is not in yet; one of them if it has none at all.

        What was open before, in an earlier session, and is not the account's any more is left out.
        """
        known = {each.room for each in state.rooms} | set(self._session.rooms)
        if not known and not self._chat.rooms:
            self._chat.room(wire.LOBBY)
        return [c for c in self._chat.rooms if c.name not in known and not c.left_elsewhere]

    async def list_conversations(self) -> None:
        """Show with whom the account has exchanged direct messages."""

        async def ask() -> None:
            listed = await self._session.account.conversations()
            self._apply(wire.ConversationList(conversations=listed))

        await insist(ask)

    def follow_reader(self) -> None:
        """Send read markers for what is newly read, and load older messages of what is open."""
        if not self.is_there:
            return
        current = self._chat.current
        if current is not None and current.wants_history:
            self._nursery.start_soon(self._load, current)
        for conversation in self._chat.conversations.values():
            if conversation.seen > self._told.get(conversation, 0):
                self._told[conversation] = conversation.seen
                self._nursery.start_soon(self._tell, conversation, conversation.seen)

    async def _tell(self, conversation: Conversation, seq: int) -> None:
        name = conversation.name
        with suppress(CommandError, NotConnected):  # it was left, or they are gone
            if conversation.is_direct:
                await self._session.account.mark_read(seq, with_=name)
            else:
                await self._session.account.mark_read(seq, room=name)
