"""Keeps a `Chat` up to date with one session, and sends what the person writes."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

import trio

from client.desktop.control.account_controller import AccountController
from client.i18n.texts import _
from client.model import Chat, Conversation, Draft, Online
from client.session import (
    AccountState,
    ClientSession,
    CommandError,
    Connected,
    Event,
    NickChanged,
    NotConfirmed,
    NotConnected,
    Rejoined,
)
from client.session.delivery import insist
from gateway import wire

_PAGE: Final = 100
_PING_SECONDS: Final = 15.0
_TYPING_SECONDS: Final = 3.0


class SessionController:
    """Connects one open session with the chat; `run` runs for as long as the session.

    ``on_change`` is called after every change of the chat, ``on_room`` after every answer to an
    attempt to join a room, ``on_account`` whenever the account is known anew, ``save_input`` before
    a conversation may be closed. Requests that fail are reported in the current conversation.
    """

    def __init__(
        self,
        chat: Chat,
        session: ClientSession,
        nursery: trio.Nursery,
        *,
        on_change: Callable[[], None],
        on_room: Callable[[], None],
        on_account: Callable[[], Awaitable[None]],
        save_input: Callable[[], None],
    ) -> None:
        self.chat, self.session = chat, session
        self._nursery, self._changed, self._on_room = nursery, on_change, on_room
        self._on_account, self._save_input = on_account, save_input
        self.account = AccountController(
            chat, session, nursery, apply=self.apply, load=self.load_older
        )
        self._senders: dict[Conversation, trio.Event] = {}
        self._joining: set[str] = set()
        self._typing_at = -math.inf

    async def run(self) -> None:
        """Apply events to the chat until the session is over."""
        self._nursery.start_soon(self._keep_measuring)
        status = self.chat.status
        is_set = (status.state, status.text) != ("online", "")
        if is_set and not self.account.is_there:  # in an earlier session
            self._nursery.start_soon(self.set_status, status.state, status.text)
        for conversation in self.chat.conversations.values():
            self.send(conversation)
        async for event in self.session.events:
            if isinstance(event, wire.LeftElsewhere):
                self._save_input()
            self.apply(event)
            if isinstance(event, Connected):
                self.chat.note_limits(self.session.limits)
                self._nursery.start_soon(self._measure)
                if not self.account.is_there:
                    self._nursery.start_soon(self._join_all, self.chat.rooms)
            elif isinstance(event, AccountState):
                self._begin_account(event)
            elif isinstance(event, NickChanged):
                self._nursery.start_soon(self._on_account)
            elif isinstance(event, Rejoined):
                self._nursery.start_soon(self._complete_members, event.joined)

    def _begin_account(self, state: AccountState) -> None:
        self._nursery.start_soon(self._on_account)
        self._nursery.start_soon(self.account.list_conversations)
        self._nursery.start_soon(self._join_all, self.account.rooms_to_join(state))

    def apply(self, event: Event | wire.Joined | wire.ConversationList) -> None:
        """Apply an event to the chat."""
        self.chat.apply(event, now())
        for sender in self._senders.values():
            sender.set()
        self._changed()

    # --- rooms --------------------------------------------------------------------------------

    async def _join_all(self, conversations: Sequence[Conversation]) -> None:
        """Join rooms that are open, in this order, unless the session is in them."""
        for conversation in conversations:
            if conversation.name not in self.session.rooms:
                await self.join(conversation)

    async def join(self, conversation: Conversation) -> None:
        """Join a room; if that is refused, its conversation says why."""
        room = conversation.name
        if room in self._joining:
            return
        self._joining.add(room)

        async def ask() -> None:
            joined = await self.session.join(room)
            self.chat.name_room(conversation, joined.room)
            self.apply(joined)
            if conversation.name != joined.room:  # another one of the room was open
                self.send(self.chat.room(joined.room))
            await self._complete_members(joined)

        try:
            if refusal := await insist(ask):
                self._refuse_join(conversation, refusal.message)
            self._on_room()
        finally:
            self._joining.discard(room)

    def _refuse_join(self, conversation: Conversation, reason: str) -> None:
        if conversation.join_refusal is None:
            text = _("This room cannot be entered: {reason}").format(reason=reason)
            conversation.report(now(), text, warning=True)
        conversation.refuse_join(reason)
        self._changed()

    async def leave(self, room: str) -> None:
        """Leave a room; without a connection there is nothing to leave."""
        await self._try(lambda: self.session.leave(room))

    async def load_older(self, conversation: Conversation) -> None:
        """Load messages from before the oldest one of a conversation, if there are any."""
        before, name = conversation.older_before, conversation.name
        is_direct = conversation.is_direct
        if not conversation.may_load_older or (before is None and not is_direct):
            return

        async def ask() -> None:
            ask_for = self.session.account.history_with if is_direct else self.session.history
            conversation.add_older(await ask_for(name, before=before, limit=_PAGE), self.chat.nick)
            self.chat.read_current()

        conversation.loads_older = True
        try:
            if refusal := await insist(ask):
                conversation.has_older = False  # else it would be asked for again at once
                conversation.report(now(), refusal.message, warning=True)
        finally:
            conversation.loads_older = False
        self._changed()

    async def list_rooms(self, show: Callable[[list[wire.RoomInfo]], None]) -> None:
        """Call ``show`` with the rooms that exist."""

        async def ask() -> None:
            show(await self.session.list_rooms())

        await self._try(ask)

    async def _complete_members(self, joined: wire.Joined) -> None:
        """Load all members if the answer to a join did not list them."""
        if joined.next is None and joined.count <= len(joined.members):
            return

        async def ask() -> None:
            self.apply(await self.session.members(joined.room))

        await self._try(ask)

    # --- oneself ------------------------------------------------------------------------------

    async def rename(self, nick: str) -> None:
        """Change the nickname."""

        async def ask() -> None:
            self.chat.nick = await self.session.rename(nick)
            self._changed()

        await self._try(ask)

    async def set_idle(self, *, idle: bool) -> None:
        """Set whether nobody uses this device, in the session of an account."""
        with suppress(CommandError):  # nobody misses it
            await self.session.set_idle(idle=idle)

    async def set_status(self, state: wire.State, text: str) -> None:
        """Change the status that others see."""
        await self._try(lambda: self.session.set_status(state, text))

    async def note_typing(self, conversation: Conversation) -> None:
        """Send a typing note to the others, at most once in `_TYPING_SECONDS`."""
        if trio.current_time() - self._typing_at < _TYPING_SECONDS:
            return
        self._typing_at, name = trio.current_time(), conversation.name
        with suppress(CommandError, NotConnected):  # nobody misses it
            if conversation.is_direct:
                await self.session.typing(to=name)
            else:
                await self.session.typing(room=name)

    async def _keep_measuring(self) -> None:
        while True:
            await trio.sleep(_PING_SECONDS)
            await self._measure()

    async def _measure(self) -> None:
        """Measure how long the node takes to answer."""
        if isinstance(self.chat.connection, Online):
            with suppress(CommandError, NotConnected):  # it is measured again soon
                self.chat.measure(await self.session.ping())
                self._changed()

    # --- saying -------------------------------------------------------------------------------

    def send(self, conversation: Conversation) -> None:
        """Send the drafts of a conversation, one after the other, and those that come later.

        A room that could not be joined is asked again.
        """
        if conversation.join_refusal is not None:
            self._nursery.start_soon(self.join, conversation)
        if conversation in self._senders:
            self._senders[conversation].set()
        elif conversation.drafts:
            self._senders[conversation] = trio.Event()
            self._nursery.start_soon(self._send_drafts, conversation)

    async def _send_drafts(self, conversation: Conversation) -> None:
        while True:
            self._senders[conversation] = trio.Event()
            draft = conversation.next_draft
            if draft is None:
                await self._senders[conversation].wait()
                continue
            try:
                seq = await self._send(conversation, draft)
                conversation.acknowledge(draft.id, seq)
            except NotConfirmed as error:
                conversation.doubt(draft.id)
                if not error.repeatable:
                    conversation.refuse(draft.id, str(error))
                elif not isinstance(self.chat.connection, Online):
                    conversation.disconnect()
            except NotConnected as error:
                if isinstance(self.chat.connection, Online):
                    conversation.refuse(draft.id, str(error))
                else:
                    conversation.disconnect()  # sent again after the next join
            except CommandError as error:
                conversation.refuse(
                    draft.id,
                    error.message,
                    uncertain=error.uncertain,
                    stranger=error.suggestion if error.code == "other_person" else None,
                )
            self._changed()

    async def _send(self, conversation: Conversation, draft: Draft) -> int:
        name, text = conversation.name, draft.text
        if not conversation.is_direct:
            return await self.session.send(name, text, message_id=draft.id)
        return await self.session.direct(name, text, message_id=draft.id, person=draft.stranger)

    async def _try(self, ask: Callable[[], Awaitable[None]]) -> None:
        """Send a request; report in the current conversation if it fails."""
        try:
            await ask()
        except (CommandError, NotConnected) as error:
            problem = _problem(error)
        else:
            return
        if self.chat.current is not None:
            self.chat.current.report(now(), problem, warning=True)
            self._changed()


def _problem(error: CommandError | NotConnected) -> str:
    """Return what to report of a request that failed."""
    if isinstance(error, NotConfirmed) or (isinstance(error, CommandError) and error.uncertain):
        return _("That may have been done or not: {reason}").format(reason=error)
    if isinstance(error, CommandError):
        return error.message
    return _("That was not possible: {reason}").format(reason=error)


def now() -> int:
    """Return the time in Unix milliseconds, as the model wants it."""
    return round(time.time() * 1000)
