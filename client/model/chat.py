"""The whole chat: the connection and the conversations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final

from client import events
from client.errors import CannotConnect
from client.i18n.texts import _
from client.model import account_events
from client.model.connection_state import (
    ConnectionState,
    Offline,
    Online,
    SessionOver,
    SignedOut,
    SigningIn,
    left_to_change,
)
from client.model.conversation import Conversation, is_own
from client.model.conversation_key import ConversationKey
from client.model.lines import MembershipLine
from client.model.people import member_of
from client.model.sign_in import Problem, SignInMode, problem_of
from client.text.visible import shown_line
from gateway import wire
from gateway.wire import CommandError
from gateway.wire.text.words import fold

MOST_UNANSWERED: Final = 100
"""How many conversations are open that others have begun and the person has not written in."""


class Chat:
    """The state of the connection and all conversations, changed by events (`apply`)."""

    def __init__(self) -> None:
        self.nick = ""
        self.status = wire.Member(nick="")
        self.connection: ConnectionState = SignedOut()
        self.conversations: dict[ConversationKey, Conversation] = {}
        self.current: Conversation | None = None
        self._previous: Conversation | None = None
        self.most_text_bytes = wire.MAX_TEXT_BYTES
        """How long a message may be, in bytes of UTF-8."""
        self.focused = True
        """Whether the window has the focus."""
        self.account: events.AccountState | None = None
        """The account whose session it is, or was; None for a guest."""
        self._was_online = False
        self._uses = self._closed_unanswered = 0

    # --- conversations ------------------------------------------------------------------------

    def conversation(self, key: ConversationKey) -> Conversation:
        """Return the conversation with this key; it is created if there is none."""
        key = self._same(key)
        if key not in self.conversations:
            self.conversations[key] = Conversation(key)
            self.use(self.conversations[key])
            self.current = self.current or self.conversations[key]
        return self.conversations[key]

    def find(self, key: ConversationKey) -> Conversation | None:
        """Return the conversation with this key; None if there is none."""
        return self.conversations.get(self._same(key))

    def room(self, name: str) -> Conversation:
        """Return the conversation of a room; it is created if there is none."""
        return self.conversation(ConversationKey(name))

    def open_rooms(self, names: Iterable[str], more: str | None) -> None:
        """Open these rooms, the last used one last, and ``more`` as the current one.

        Does nothing once the person has been online: what is open then stays.
        """
        if self._was_online:
            return
        self.conversations.clear()
        for name in names:
            self.use(self.room(name))
        if more is not None:
            self.use(self.room(more))
        self.current = next(iter(self.rooms), None)

    def name_room(self, conversation: Conversation, name: str) -> None:
        """Call a room as the server does; if one is open under that name, they become one."""
        is_open = self.conversations.get(conversation.key) is conversation
        if conversation.name == name or not is_open:
            return
        key = ConversationKey(name)
        same = self.conversations.setdefault(key, conversation)
        del self.conversations[conversation.key]
        if same is conversation:
            conversation.key = key
            return
        same.take_over(conversation)
        same.used = max(same.used, conversation.used)
        if self._previous is conversation:
            self._previous = same
        if self.current is conversation:
            self.current = same

    def open_room(self, name: str) -> Conversation | None:
        """Return the open conversation of a room, in whatever case its name is spelt."""
        folded = name.casefold()
        alike = (c for c in self.rooms if c.name.casefold() == folded)
        return self.conversations.get(ConversationKey(name)) or next(alike, None)

    def use(self, conversation: Conversation) -> None:
        """Note that a conversation was used, which puts it first in its list."""
        self._uses += 1
        conversation.used = self._uses

    @property
    def rooms(self) -> Sequence[Conversation]:
        """The conversations of rooms, the last used one first."""
        return self._sorted(direct=False)

    @property
    def directs(self) -> Sequence[Conversation]:
        """The conversations with one person, the last used one first."""
        return self._sorted(direct=True)

    def unread(self, muted: Collection[str] = ()) -> int:
        """Return the number of unread messages, without conversations with ``muted`` titles."""
        return sum(c.unread for c in self.conversations.values() if c.title not in muted)

    def show(self, conversation: Conversation) -> None:
        """Make a conversation the current one; the last one loses its mark of what is unread."""
        if conversation is not self.current:
            if self.current is not None:
                self.current.unread_from = None
            self._previous, self.current = self.current, conversation
        self.read_current()

    def note_focus(self, *, focused: bool) -> None:
        """Note whether the window has the focus."""
        if not focused and self.current is not None and not self.current.unread:
            self.current.unread_from = None
        self.focused = focused
        self.read_current()

    def read_current(self) -> None:
        """Mark the current conversation as read if the person has its end in sight."""
        if self.current is not None and self._is_watched(self.current):
            self.current.mark_read()

    def step(self, by: int) -> Conversation | None:
        """Return the conversation ``by`` rows further down the list, which goes round."""
        listed = [*self.rooms, *self.directs]
        if self.current not in listed:
            return listed[0] if listed else None
        return listed[(listed.index(self.current) + by) % len(listed)]

    def likely_next(self, muted: Collection[str] = ()) -> Conversation | None:
        """Return the other conversation that the person most likely wants.

        First one that mentions them, then one with unread messages (neither counts if it is
        muted), then the previous one.
        """

        def likelihood(conversation: Conversation) -> tuple[bool, bool, bool]:
            counts = conversation.title not in muted
            return (
                counts and conversation.mentions > 0,
                counts and conversation.unread > 0,
                conversation is self._previous,
            )

        others = [c for c in (*self.rooms, *self.directs) if c is not self.current]
        return max(others, key=likelihood, default=None)

    def close(self, conversation: Conversation) -> None:
        """Remove a conversation; if it was the current one, the next one is."""
        after = self.step(1) if conversation is self.current else self.current
        self.conversations = {p: c for p, c in self.conversations.items() if c is not conversation}
        if conversation is self.current:
            self.current = after if after is not conversation else None
            self.read_current()

    def person(self, nick: str) -> wire.Member | None:
        """Return a person as a member of some room; None if they are in none that is open."""
        known = (c.people.get(nick) for c in self.conversations.values())
        return next(filter(None, known), None)

    def next_change(self, now: int) -> int | None:
        """Return in how many milliseconds the display changes by itself; None if it does not."""
        left = left_to_change(self.connection, now)
        changes = [left] if left is not None else []
        if self.current is not None:
            until = self.current.typists.next_change(now)
            changes += [until - now] if until is not None else []
        return min(changes, default=None)

    def _same(self, key: ConversationKey) -> ConversationKey:
        """Return the key of an open conversation with that person, however the name is spelt."""
        if not key.direct or key in self.conversations:
            return key
        folded = fold(key.name)
        known = (k for k in self.conversations if k.direct and fold(k.name) == folded)
        return next(known, key)

    def _sorted(self, *, direct: bool) -> Sequence[Conversation]:
        found = (c for c in self.conversations.values() if c.is_direct == direct)
        return sorted(found, key=lambda c: -c.used)

    def _is_watched(self, conversation: Conversation) -> bool:
        at_end = conversation.view.at_end and conversation.is_here
        return self.focused and conversation is self.current and at_end

    # --- coming in ----------------------------------------------------------------------------

    def sign_in(self, nick: str, mode: SignInMode = "guest") -> None:
        """Note that a session is being opened under this nickname."""
        self.connection = SigningIn(nick, mode)

    def forget(self) -> None:
        """Forget everything that the person has read and written: somebody else comes."""
        self.conversations.clear()
        self.current = self._previous = None
        self.nick, self.status, self.account = "", wire.Member(nick=""), None
        self._was_online = False

    def fail_sign_in(self, error: CannotConnect | CommandError | None = None, now: int = 0) -> None:
        """Note that no session was opened: because of ``error``, or because the person gave up."""
        state = self.connection
        tried = state if isinstance(state, SigningIn) else SigningIn(self.nick)
        problem = problem_of(error, now, mode=tried.mode) if error is not None else None
        self.connection = SignedOut(tried.nick, problem, tried.mode)

    def note_limits(self, limits: wire.Limits | None) -> None:
        """Note what the node allows; more than the protocol does is not believed."""
        allowed = limits.text_bytes if limits else wire.MAX_TEXT_BYTES
        self.most_text_bytes = min(allowed, wire.MAX_TEXT_BYTES)

    def measure(self, latency: float) -> None:
        """Note how many seconds the node took to answer."""
        if isinstance(self.connection, Online):
            self.connection = replace(self.connection, latency=round(latency * 1000))

    # --- what happens -------------------------------------------------------------------------

    def apply(self, event: events.Event | wire.Joined | wire.ConversationList, now: int) -> None:
        """Apply an event that happened at ``now``, in Unix milliseconds.

        The answers `wire.Joined`, `wire.MemberList` and `wire.ConversationList` are applied too,
        whoever asked for them.
        """
        match event:
            case events.Rejoined() | wire.Joined():
                self._enter(event, now)
            case events.NotRejoined(room, reason):
                text = _("You are not in here now: {reason}").format(reason=reason)
                self.room(room).report(now, text, warning=True)
                self.room(room).refuse_join(reason)
            case wire.Message() | wire.Erased() | wire.Presence() | wire.MemberList():
                self._apply_in_room(event, now)
            case wire.DirectMessage() | wire.Typing():
                self._apply_from_person(event, now)
            case wire.Notice():
                self._notice(event, now)
            case wire.Error():
                self._report_all(now, event.message, warning=True)
            case events.Connected():
                self._connect(event, now)
            case events.Disconnected():
                self._disconnect(event, now)
            case events.Ended():
                self._end(event, now)
            case _:
                account_events.apply(self, event, now)
        self.read_current()

    def _enter(self, event: events.Rejoined | wire.Joined, now: int) -> None:
        joined = event.joined if isinstance(event, events.Rejoined) else event
        if isinstance(event, events.Rejoined) and event.was is not None:
            self.name_room(self.room(event.was), joined.room)
        self.room(joined.room).apply_joined(joined, now, self.nick)
        account_events.take_status(self, joined.members)

    def _apply_in_room(
        self, event: wire.Message | wire.Erased | wire.Presence | wire.MemberList, now: int
    ) -> None:
        conversation = self.conversations.get(ConversationKey(event.room))
        if conversation is None:
            return  # left in the meantime
        match event:
            case wire.Message():
                conversation.add_message(event, self.nick, watched=self._is_watched(conversation))
            case wire.Erased():
                conversation.erase(event)
            case wire.MemberList():
                conversation.apply_member_list(event)
            case wire.Presence():
                conversation.apply_presence(event, now, self.nick)
                self._follow_changes(event.changed, now)

    def _apply_from_person(self, event: wire.DirectMessage | wire.Typing, now: int) -> None:
        if isinstance(event, wire.DirectMessage):
            from_me = is_own(event, self.nick)
            key = ConversationKey(event.to if from_me else event.sender, direct=True)
            is_new = self._same(key) not in self.conversations
            conversation = self.conversation(key)
            conversation.is_unanswered = not from_me and (is_new or conversation.is_unanswered)
            conversation.add_message(event, self.nick, watched=self._is_watched(conversation))
            self.use(conversation)
            if is_new:
                self._close_unanswered(now)
            return
        name = event.nick if event.room is None else event.room
        key = self._same(ConversationKey(name, direct=event.room is None))
        if key in self.conversations and event.nick != self.nick:
            self.conversations[key].typists.note(event.nick, now)

    def _close_unanswered(self, now: int) -> None:
        """Close what was unanswered longest if too many people have written unasked; say so."""
        unanswered = [c for c in self.directs if c.is_unanswered and c is not self.current]
        for conversation in unanswered[MOST_UNANSWERED:]:
            self.close(conversation)
            if self._closed_unanswered % MOST_UNANSWERED == 0 and self.current is not None:
                text = _(
                    "Too many people write to you: conversations without an answer are closed."
                )
                self.current.report(now, text, warning=True)
            self._closed_unanswered += 1

    def _connect(self, event: events.Connected, now: int) -> None:
        if self._was_online and not isinstance(self.connection, SigningIn):
            text = _("Connected again, to {node}").format(node=event.node)
            self._report_all(now, text)
        if self.nick and event.nick != self.nick:
            self._report_all(now, _("You are {nick} now").format(nick=event.nick))
        self.nick, self._was_online = event.nick, True
        self.connection = Online(shown_line(event.node), event.url)
        for conversation in self.directs:
            conversation.is_joined = True

    def _disconnect(self, event: events.Disconnected, now: int) -> None:
        if isinstance(self.connection, Online):
            text = _("Not connected: {reason}").format(reason=event.reason)
            self._report_all(now, text, warning=True)
        self._disconnect_all()
        delay = round(event.retry_in * 1000)
        self.connection = Offline(shown_line(event.reason), now, delay)

    def _end(self, event: events.Ended, now: int) -> None:
        text = _("You were signed out: {reason}").format(reason=event.reason)
        self._report_all(now, text, warning=True)
        self._disconnect_all()
        if event.cause in ("signed_out", "account_closed"):
            account_events.keep_unsent(self, event)
            self.connection = SignedOut(self.nick, Problem(shown_line(text)), "account")
        else:
            self.connection = SessionOver(shown_line(event.reason))

    def _follow_changes(self, changes: Sequence[wire.Renamed], now: int) -> None:
        for change in changes:
            if change.was == self.nick:
                self.nick = change.nick
                self.status = member_of(change)
            if change.was != change.nick:
                self._follow_rename(change.was, change.nick, now)

    def _follow_rename(self, was: str, nick: str, now: int) -> None:
        """Rename the conversation with somebody who has a new nickname.

        If there is a conversation under that name already, both are kept as they are.
        """
        conversation = self.conversations.get(self._same(ConversationKey(was, direct=True)))
        if conversation is None:
            return
        key = ConversationKey(nick, direct=True)
        if self.conversations.get(self._same(key), conversation) is not conversation:
            # Each room that both are in reports it; the transcript folds that into one line.
            conversation.transcript.add(MembershipLine(now, renamed=((was, nick),)))
            return
        del self.conversations[conversation.key]
        conversation.key = key
        conversation.typists.rename(was, nick)
        self.conversations[key] = conversation

    def _notice(self, event: wire.Notice, now: int) -> None:
        if event.room is None:
            self._report_all(now, event.message)
        elif (conversation := self.conversations.get(ConversationKey(event.room))) is not None:
            if event.code == "history_lost":
                conversation.forget_positions()
            conversation.report(now, event.message, warning=True)

    def _report_all(self, now: int, text: str, *, warning: bool = False) -> None:
        for conversation in self.conversations.values():
            conversation.report(now, text, warning=warning)

    def _disconnect_all(self) -> None:
        for conversation in self.conversations.values():
            conversation.disconnect()
