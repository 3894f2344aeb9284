"""What a person sees of a chat, as a pure function of what happened.

`Chat` takes every event of a session (`Chat.apply`) and everything the person does, and is then
what there is to see. The desktop only draws it; there is no Tk and no Trio here.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final

from client import events
from client.session import CannotConnect, CommandError
from gateway import wire

MOST_LINES: Final = 5_000
"""How many lines of a conversation are kept; older ones are dropped."""
_MOST_NAMED: Final = 5
"""When more people come or go at once, the others are only counted."""


# --- lines ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """A message; ``at`` is in Unix milliseconds, as everywhere here."""

    at: int
    sender: str
    text: str
    id: str


@dataclass(frozen=True)
class Told:
    """Something that happened, told quietly; as a ``warning`` if it should not be missed."""

    at: int
    text: str
    warning: bool = False


@dataclass(frozen=True)
class NewDay:
    """The lines from here on are of this day."""

    day: date


Line = Said | Told | NewDay


@dataclass(frozen=True)
class Draft:
    """What the person has said and nobody has seen yet; ``refusal`` says why it will not be."""

    id: str
    text: str
    refusal: str | None = None
    seq: int | None = None
    """Where the server put it; then its message is on the way."""


# --- the connection ---------------------------------------------------------------------------


@dataclass(frozen=True)
class SignedOut:
    """No session: a nickname is asked for. ``problem`` is why ``nick`` did not do."""

    nick: str = ""
    problem: str | None = None
    suggestion: str | None = None


@dataclass(frozen=True)
class SigningIn:
    """A session is being opened."""

    nick: str


@dataclass(frozen=True)
class Online:
    """Connected to a node."""

    node: str
    url: str


@dataclass(frozen=True)
class Offline:
    """Not connected; the next attempt is at ``retry_at``, in Unix milliseconds."""

    reason: str
    retry_at: int
    next_url: str

    def seconds_left(self, now: int) -> int:
        """Seconds until the next attempt, rounded up; 0 while it is being made."""
        return max(0, -((now - self.retry_at) // 1000))


@dataclass(frozen=True)
class Over:
    """The session ended and does not come back by itself."""

    reason: str


Connection = SignedOut | SigningIn | Online | Offline | Over


class Conversation:
    """One room: its lines, its members, and what is not sent yet.

    ``lines`` are the newest `MOST_LINES` of the ``told`` lines there were, so that whoever draws
    them knows which are new. ``present`` tells whether the room is joined on this connection.
    """

    def __init__(self, room: str) -> None:
        self.room = room
        self.lines: deque[Line] = deque(maxlen=MOST_LINES)
        self.told = 0
        self.members: Sequence[str] = ()
        self.drafts: dict[str, Draft] = {}
        self.present = False
        self._seq = 0
        self._version = 0
        self._day: date | None = None

    def enter(self, joined: wire.Joined, now: int) -> None:
        """Take the answer to a join, be it the first one or one after a reconnection."""
        messages: Iterable[wire.Message] = joined.messages
        if not joined.recovered and self.told:
            shown = {(line.at, line.sender, line.id) for line in self.lines if type(line) is Said}
            messages = [m for m in messages if (m.at, m.sender, m.id) not in shown]
            self.tell(now, "Some messages may be missing here.", warning=True)
        for message in messages:
            self._say(message)
        self._seq, self._version = joined.seq, joined.version
        self._set_members({member.nick for member in joined.members})
        self.present = True
        self._settle_drafts()

    def hear(self, message: wire.Message) -> None:
        """Take a message."""
        self._say(message)
        self._seq = message.seq
        self._settle_drafts(message.seq)

    def meet(self, presence: wire.Presence, now: int, me: str) -> None:
        """Take changes of the members; what is known already, and that I came, is not told."""
        if presence.version <= self._version:
            return
        self._version = presence.version
        members = set(self.members)
        left = [nick for nick in presence.left if nick in members]
        members.difference_update(left)
        renamed = [change for change in presence.changed if change.was in members]
        members.difference_update(change.was for change in renamed)
        members.update(change.nick for change in renamed)
        joined = [member.nick for member in presence.joined if member.nick not in members]
        members.update(joined)
        self._set_members(members)
        if left:
            self.tell(now, f"{_name_some(left)} left")
        for change in renamed:
            self.tell(now, f"{change.was} is now {change.nick}")
        if others := [nick for nick in joined if nick != me]:
            self.tell(now, f"{_name_some(others)} joined")

    def list_members(self, listing: wire.MemberList) -> None:
        """Take a list of everybody, unless a later change is known already."""
        if listing.version >= self._version:
            self._version = listing.version
            self._set_members({member.nick for member in listing.members})

    def tell(self, at: int, text: str, *, warning: bool = False) -> None:
        """Add a line about something that happened."""
        self._add(Told(at, shown_line(text), warning), at)

    def forget_positions(self) -> None:
        """Take whatever position comes next: the server lost those that it had given."""
        self._seq = self._version = 0
        self._settle_drafts()

    # --- drafts -------------------------------------------------------------------------------

    @property
    def next_draft(self) -> Draft | None:
        """The draft to be sent next; None while the room is not joined or nothing waits."""
        if not self.present:
            return None
        waiting = (d for d in self.drafts.values() if d.refusal is None and d.seq is None)
        return next(waiting, None)

    def write(self, draft_id: str, text: str) -> None:
        """Take what the person wants to say; or what was refused, to be tried again."""
        self.drafts[draft_id] = Draft(draft_id, text)

    def lose(self) -> None:
        """Note that the room may be left: what it says next is the answer to a new join.

        A draft under way is sent again after that, if it is not among what was missed.
        """
        self.present = False

    def acknowledge(self, draft_id: str, seq: int) -> None:
        """Note that the server has a draft, at ``seq``; it goes when its message is here."""
        if draft_id in self.drafts:
            self.drafts[draft_id] = replace(self.drafts[draft_id], seq=seq)
            self._settle_drafts(self._seq)

    def refuse(self, draft_id: str, reason: str) -> None:
        """Note that the server will not take a draft."""
        if draft_id in self.drafts:
            self.drafts[draft_id] = replace(self.drafts[draft_id], refusal=reason)

    def retry(self, draft_id: str) -> None:
        """Have a refused draft sent again."""
        if draft_id in self.drafts:
            self.drafts[draft_id] = replace(self.drafts[draft_id], refusal=None)

    def discard(self, draft_id: str) -> None:
        """Drop a draft."""
        self.drafts.pop(draft_id, None)

    def _settle_drafts(self, seq: int | None = None) -> None:
        """Drop drafts that the server has, up to a ``seq`` or all of them."""
        for draft in list(self.drafts.values()):
            if draft.seq is not None and (seq is None or draft.seq <= seq):
                del self.drafts[draft.id]

    # --- lines and members --------------------------------------------------------------------

    def _say(self, message: wire.Message) -> None:
        sender, text = shown_line(message.sender), shown(message.text)
        self._add(Said(message.at, sender, text, message.id), message.at)
        self.drafts.pop(message.id, None)

    def _add(self, line: Line, at: int) -> None:
        day = datetime.fromtimestamp(at / 1000, tz=UTC).astimezone().date()
        if day != self._day:
            self._day = day
            self.lines.append(NewDay(day))
            self.told += 1
        self.lines.append(line)
        self.told += 1

    def _set_members(self, members: set[str]) -> None:
        self.members = tuple(sorted(members, key=lambda nick: (nick.casefold(), nick)))


class Chat:
    """Everything there is to see: the connection, and a conversation for each room."""

    def __init__(self) -> None:
        self.nick = ""
        self.connection: Connection = SignedOut()
        self.conversations: dict[str, Conversation] = {}
        self._was_online = False

    def conversation(self, room: str) -> Conversation:
        """The conversation in a room; there is one from the first time it is asked for."""
        if room not in self.conversations:
            self.conversations[room] = Conversation(room)
        return self.conversations[room]

    def sign_in(self, nick: str) -> None:
        """Note that a session is being opened under this nickname."""
        self.connection = SigningIn(nick)

    def stay_out(self, error: CannotConnect | CommandError | None = None) -> None:
        """Note that no session could be opened, and why; or that it was given up."""
        nick = self.connection.nick if isinstance(self.connection, SigningIn) else self.nick
        problem = suggestion = None
        if isinstance(error, CannotConnect):
            problem = shown_line(f"The server cannot be reached. {error}")
        elif isinstance(error, CommandError):
            problem, suggestion = shown_line(error.message), error.suggestion
        self.connection = SignedOut(nick, problem, suggestion)

    def apply(self, event: events.Event | wire.Joined, now: int) -> None:
        """Take what happened, at ``now`` in Unix milliseconds.

        The answers `wire.Joined` and `wire.MemberList` count too, whoever asked for them.
        """
        match event:
            case events.Rejoined(joined) | (wire.Joined() as joined):
                self.conversation(joined.room).enter(joined, now)
            case events.NotRejoined(room, reason):
                text = f"You are not in here now: {reason}"
                self.conversation(room).tell(now, text, warning=True)
            case wire.Message() | wire.Presence() | wire.MemberList():
                self._take_of_room(event, now)
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

    def _take_of_room(
        self, event: wire.Message | wire.Presence | wire.MemberList, now: int
    ) -> None:
        conversation = self.conversation(event.room)
        match event:
            case wire.Message():
                conversation.hear(event)
            case wire.MemberList():
                conversation.list_members(event)
            case wire.Presence():
                conversation.meet(event, now, self.nick)
                self._follow_rename(event.changed)

    def _connect(self, event: events.Connected, now: int) -> None:
        if self._was_online:
            self._tell_all(now, f"Connected again, to {event.node}")
        if self.nick and event.nick != self.nick:
            self._tell_all(now, f"You are {event.nick} now")
        self.nick, self._was_online = event.nick, True
        self.connection = Online(shown_line(event.node), event.url)

    def _disconnect(self, event: events.Disconnected, now: int) -> None:
        if isinstance(self.connection, Online):
            self._tell_all(now, f"Not connected: {event.reason}", warning=True)
        self._leave_all()
        retry_at = now + round(event.retry_in * 1000)
        self.connection = Offline(shown_line(event.reason), retry_at, event.next_url)

    def _end(self, reason: str, now: int) -> None:
        self._tell_all(now, f"You were signed out: {reason}", warning=True)
        self._leave_all()
        self.connection = Over(shown_line(reason))

    def _follow_rename(self, changes: Sequence[wire.Renamed]) -> None:
        for change in changes:
            if change.was == self.nick:
                self.nick = change.nick

    def _notice(self, event: wire.Notice, now: int) -> None:
        if event.room is None:
            self._tell_all(now, event.message)
            return
        conversation = self.conversation(event.room)
        if event.code == "history_lost":
            conversation.forget_positions()
        conversation.tell(now, event.message, warning=True)

    def _tell_all(self, now: int, text: str, *, warning: bool = False) -> None:
        for conversation in self.conversations.values():
            conversation.tell(now, text, warning=warning)

    def _leave_all(self) -> None:
        for conversation in self.conversations.values():
            conversation.lose()


# --- words ------------------------------------------------------------------------------------


def why_not_sendable(text: str, most_bytes: int) -> str | None:
    """Say why a text cannot be sent at all, so that it need not be tried; None if it can."""
    size = len(text.encode(errors="replace"))
    if size > most_bytes:
        return f"This is too long to send: {size:,} of {most_bytes:,} bytes."
    return None


def _name_some(nicks: Sequence[str]) -> str:
    """Name people, and count those too many to be named."""
    if len(nicks) > _MOST_NAMED:
        return f"{', '.join(nicks[: _MOST_NAMED - 1])} and {len(nicks) - _MOST_NAMED + 1} others"
    *others, last = nicks
    return f"{', '.join(others)} and {last}" if others else last


_CONTROL_PICTURES: Final = 0x2400
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SAFE_FORMATS: Final = frozenset("\u00ad\u200c\u200d\u200e\u200f")
"""Invisible but harmless: they join emoji, break words, or mark the direction of one place."""


def shown(text: str) -> str:
    """Give a text from the net as it may be shown; its lines stay lines.

    Control characters become their pictures (ESC is shown as ␛); what would turn the direction of
    the text around it, or hide in it, becomes U+FFFD. Runs of empty lines become one.
    """
    if text.isprintable():
        return text
    lines = text.replace("\r\n", "\n").split("\n")
    kept = [line for before, line in itertools.pairwise(["", *lines]) if line or before]
    return "\n".join(map(shown_line, kept)).rstrip("\n")


def shown_line(text: str) -> str:
    """Give a text from the net as it may be shown in one line, as `shown` otherwise."""
    return text if text.isprintable() else "".join(map(_shown_character, text))


def _shown_character(c: str) -> str:
    if unicodedata.category(c) not in _UNSAFE or c in _SAFE_FORMATS:
        return c
    if c == "\t":
        return " "
    if c < " ":
        return chr(_CONTROL_PICTURES + ord(c))
    return "\u2421" if c == "\x7f" else "\ufffd"
