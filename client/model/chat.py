"""Everything there is to see: the connection, and the conversations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from client import events
from client.i18n.texts import _
from client.model.connection_state import Connection, Offline, Online, Over, SignedOut, SigningIn
from client.model.conversation import Conversation, Place
from client.model.display_text import shown_line
from client.model.lines import Moved
from client.session import CannotConnect, CommandError
from gateway import wire


class Chat:
    """Takes what happens (`apply`) and what the person looks at; is then what there is to see."""

    def __init__(self) -> None:
        self.nick = ""
        self.status = wire.Member(nick="")
        self.connection: Connection = SignedOut()
        self.conversations: dict[Place, Conversation] = {}
        self.current: Conversation | None = None
        self._previous: Conversation | None = None
        self.attended = True
        """Whether the window is the one that the person has before them."""
        self._was_online = False
        self._uses = 0

    # --- conversations ------------------------------------------------------------------------

    def conversation(self, place: Place) -> Conversation:
        """The conversation at a place; there is one from the first time it is asked for."""
        place = self._same(place)
        if place not in self.conversations:
            self.conversations[place] = Conversation(place)
            self.use(self.conversations[place])
            self.current = self.current or self.conversations[place]
        return self.conversations[place]

    def room(self, name: str) -> Conversation:
        """The conversation in a room."""
        return self.conversation(Place(name))

    def open_rooms(self, names: Iterable[str], more: str | None) -> None:
        """Open these rooms, those used last behind the others, and one ``more`` that is turned to.

        Once one has been in, what is open stays as it is.
        """
        if self._was_online:
            return
        self.conversations.clear()
        for name in names:
            self.use(self.room(name))
        if more is not None:
            self.use(self.room(more))
        self.current = next(iter(self.rooms), None)

    def use(self, conversation: Conversation) -> None:
        """Note that something is done with a conversation, which puts it before the others."""
        self._uses += 1
        conversation.used = self._uses

    @property
    def rooms(self) -> Sequence[Conversation]:
        """The rooms, those used last first."""
        return self._sorted(direct=False)

    @property
    def directs(self) -> Sequence[Conversation]:
        """The conversations with one person, those used last first."""
        return self._sorted(direct=True)

    def unread(self, muted: Collection[str] = ()) -> int:
        """Count what is unread, but for the conversations with these titles."""
        return sum(c.unread for c in self.conversations.values() if c.place.title not in muted)

    def show(self, conversation: Conversation) -> None:
        """Turn to a conversation; the one before it is read."""
        if conversation is not self.current:
            if self.current is not None:
                self.current.unread_from = None
            self._previous, self.current = self.current, conversation
        self.read_current()

    def attend(self, *, attended: bool) -> None:
        """Note whether the person has the window before them."""
        if not attended and self.current is not None and not self.current.unread:
            self.current.unread_from = None
        self.attended = attended
        self.read_current()

    def read_current(self) -> None:
        """Note that the person has seen what is in sight, if that is the newest of it."""
        if self.current is not None and self._is_watched(self.current):
            self.current.read()

    def step(self, by: int) -> Conversation | None:
        """Give the conversation so many places further down the list."""
        listed = [*self.rooms, *self.directs]
        if self.current not in listed:
            return listed[0] if listed else None
        return listed[(listed.index(self.current) + by) % len(listed)]

    def likely_next(self, muted: Collection[str] = ()) -> Conversation | None:
        """Give where the person may want to go: to what calls for them, is unread, or was before.

        What is unread in the conversations with these titles does not count.
        """

        def likelihood(conversation: Conversation) -> tuple[bool, bool, bool]:
            counts = conversation.place.title not in muted
            return (
                counts and conversation.mentions > 0,
                counts and conversation.unread > 0,
                conversation is self._previous,
            )

        others = [c for c in (*self.rooms, *self.directs) if c is not self.current]
        return max(others, key=likelihood, default=None)

    def close(self, conversation: Conversation) -> None:
        """Drop a conversation, and turn to the next one if it was in sight."""
        after = self.step(1) if conversation is self.current else self.current
        self.conversations = {p: c for p, c in self.conversations.items() if c is not conversation}
        if conversation is self.current:
            self.current = after if after is not conversation else None
            self.read_current()

    def person(self, nick: str) -> wire.Member | None:
        """Give somebody as they are known from a room; None if they are in none."""
        known = (c.people.get(nick) for c in self.conversations.values())
        return next(filter(None, known), None)

    def next_change(self, now: int) -> int | None:
        """Give when what is seen changes by itself, in milliseconds from now."""
        changes: list[int] = []
        if isinstance(self.connection, Offline) and self.connection.seconds_left(now):
            left = self.connection.since + self.connection.delay - now
            changes.append((left - 1) % 1000 + 1)
        if self.current is not None:
            until = self.current.typists.next_change(now)
            changes += [until - now] if until is not None else []
        return min(changes, default=None)

    def _same(self, place: Place) -> Place:
        """Find a person's conversation however their nickname is spelt."""
        if not place.direct or place in self.conversations:
            return place
        folded = place.name.casefold()
        known = (p for p in self.conversations if p.direct and p.name.casefold() == folded)
        return next(known, place)

    def _sorted(self, *, direct: bool) -> Sequence[Conversation]:
        found = (c for c in self.conversations.values() if c.place.direct == direct)
        return sorted(found, key=lambda c: -c.used)

    def _is_watched(self, conversation: Conversation) -> bool:
        at_end = conversation.typed.top is None
        return self.attended and conversation is self.current and at_end

    # --- coming in ----------------------------------------------------------------------------

    def sign_in(self, nick: str) -> None:
        """Note that a session is being opened under this nickname."""
        self.connection = SigningIn(nick)

    def stay_out(self, error: CannotConnect | CommandError | None = None) -> None:
        """Note that no session could be opened, and why; or that it was given up."""
        nick = self.connection.nick if isinstance(self.connection, SigningIn) else self.nick
        problem = suggestion = None
        if isinstance(error, CannotConnect):
            why = _("The server cannot be reached. {error}").format(error=error)
            problem = shown_line(why)
        elif isinstance(error, CommandError):
            problem, suggestion = shown_line(error.message), error.suggestion
        self.connection = SignedOut(nick, problem, suggestion)

    def measure(self, latency: float) -> None:
        """Take how many seconds the node took to answer."""
        if isinstance(self.connection, Online):
            self.connection = replace(self.connection, latency=round(latency * 1000))

    # --- what happens -------------------------------------------------------------------------

    def apply(self, event: events.Event | wire.Joined, now: int) -> None:
        """Take what happened, at ``now`` in Unix milliseconds.

        The answers `wire.Joined` and `wire.MemberList` count too, whoever asked for them.
        """
        match event:
            case events.Rejoined(joined) | (wire.Joined() as joined):
                self.room(joined.room).enter(joined, now, self.nick)
            case events.NotRejoined(room, reason):
                text = _("You are not in here now: {reason}").format(reason=reason)
                self.room(room).tell(now, text, warning=True)
                self.room(room).shut_out(reason)
            case wire.Message() | wire.Erased() | wire.Presence() | wire.MemberList():
                self._take_of_room(event, now)
            case wire.DirectMessage() | wire.Typing():
                self._take_of_person(event, now)
            case wire.Notice():
                self._notice(event, now)
            case wire.Error():
                self._tell_all(now, event.message, warning=True)
            case events.Connected():
                self._connect(event, now)
            case events.Disconnected():
                self._disconnect(event, now)
            case events.Ended(reason):
                self._end(reason, now)
        self.read_current()

    def _take_of_room(
        self, event: wire.Message | wire.Erased | wire.Presence | wire.MemberList, now: int
    ) -> None:
        conversation = self.conversations.get(Place(event.room))
        if conversation is None:
            return  # left in the meantime
        match event:
            case wire.Message():
                conversation.hear(event, self.nick, watched=self._is_watched(conversation))
            case wire.Erased():
                conversation.erase(event)
            case wire.MemberList():
                conversation.list_members(event)
            case wire.Presence():
                conversation.meet(event, now, self.nick)
                self._follow_changes(event.changed, now)

    def _take_of_person(self, event: wire.DirectMessage | wire.Typing, now: int) -> None:
        if isinstance(event, wire.DirectMessage):
            mine = event.sender == self.nick
            conversation = self.conversation(Place(event.to if mine else event.sender, direct=True))
            conversation.hear(event, self.nick, watched=self._is_watched(conversation))
            self.use(conversation)
            return
        direct = event.room is None
        place = self._same(Place(event.nick if event.room is None else event.room, direct=direct))
        if place in self.conversations and event.nick != self.nick:
            self.conversations[place].typists.note(event.nick, now)

    def _connect(self, event: events.Connected, now: int) -> None:
        if self._was_online and not isinstance(self.connection, SigningIn):
            text = _("Connected again, to {node}").format(node=event.node)
            self._tell_all(now, text)
        if self.nick and event.nick != self.nick:
            self._tell_all(now, _("You are {nick} now").format(nick=event.nick))
        self.nick, self._was_online = event.nick, True
        self.connection = Online(shown_line(event.node), event.url)
        for conversation in self._all(direct=True):
            conversation.present = True

    def _disconnect(self, event: events.Disconnected, now: int) -> None:
        if isinstance(self.connection, Online):
            text = _("Not connected: {reason}").format(reason=event.reason)
            self._tell_all(now, text, warning=True)
        self._leave_all()
        delay = round(event.retry_in * 1000)
        self.connection = Offline(shown_line(event.reason), now, delay)

    def _end(self, reason: str, now: int) -> None:
        text = _("You were signed out: {reason}").format(reason=reason)
        self._tell_all(now, text, warning=True)
        self._leave_all()
        self.connection = Over(shown_line(reason))

    def _follow_changes(self, changes: Sequence[wire.Renamed], now: int) -> None:
        for change in changes:
            if change.was == self.nick:
                self.nick = change.nick
                self.status = wire.Member(nick=change.nick, state=change.state, text=change.text)
            if change.was != change.nick:
                self._follow_rename(change.was, change.nick, now)

    def _follow_rename(self, was: str, nick: str, now: int) -> None:
        """Have the conversation with somebody go on under another name.

        If there is one under that name already, it goes on there, and neither loses what it has.
        """
        conversation = self.conversations.get(self._same(Place(was, direct=True)))
        if conversation is None:
            return
        place = Place(nick, direct=True)
        if self.conversations.get(self._same(place), conversation) is not conversation:
            # Told by each room that both are in, and folded into one line.
            conversation.transcript.add(Moved(now, renamed=((was, nick),)))
            return
        del self.conversations[conversation.place]
        conversation.place = place
        conversation.typists.rename(was, nick)
        self.conversations[place] = conversation

    def _notice(self, event: wire.Notice, now: int) -> None:
        if event.room is None:
            self._tell_all(now, event.message)
        elif (conversation := self.conversations.get(Place(event.room))) is not None:
            if event.code == "history_lost":
                conversation.forget_positions()
            conversation.tell(now, event.message, warning=True)

    def _all(self, *, direct: bool) -> Iterator[Conversation]:
        return (c for c in self.conversations.values() if c.place.direct == direct)

    def _tell_all(self, now: int, text: str, *, warning: bool = False) -> None:
        for conversation in self.conversations.values():
            conversation.tell(now, text, warning=warning)

    def _leave_all(self) -> None:
        for conversation in self.conversations.values():
            conversation.lose()
