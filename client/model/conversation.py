"""One room, or what is said with one person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from client.i18n.texts import _
from client.model.display_text import is_mentioned, shown_line
from client.model.input_history import Recall
from client.model.lines import ACTION, Draft, Line, Said, Told
from client.model.people import People, Typists
from client.model.transcript import MOST_LINES, Entry, Transcript
from gateway import wire


@dataclass(frozen=True)
class Place:
    """Where something is said: a room, or with ``direct`` to one person."""

    name: str
    direct: bool = False

    @property
    def title(self) -> str:
        """The name as it is shown."""
        return shown_line(self.name) if self.direct else f"#{shown_line(self.name)}"


@dataclass
class Typed:
    """What the person has typed here and not said yet, and where in the lines they are."""

    text: str = ""
    cursor: int = 0
    top: Entry | None = None
    """The first line in sight; None while they are at the end."""
    recall: Recall = field(default_factory=Recall)


class Conversation:
    """Its lines, its members, and what is not sent yet.

    ``present`` tells whether the room is joined on this connection, ``entered`` whether it ever
    was, and ``shut`` why the server does not let one in. ``used`` grows with use, for the order of
    conversations; ``unread_from`` is what the person has not seen the rest from.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.transcript = Transcript()
        self.people = People()
        self.typists = Typists()
        self.drafts: dict[str, Draft] = {}
        self.typed = Typed()
        self.present = self.entered = place.direct
        self.shut: str | None = None
        self.unread = 0
        self.mentions = 0
        self.call: Said | None = None
        """The newest message that mentioned the person, or was for them alone."""
        self.unread_from: Entry | None = None
        self.used = 0
        self.has_older = not place.direct
        self.loads_older = False
        self._seq = 0
        self._version = 0
        self._spoke: dict[str, int] = {}

    @property
    def room(self) -> str:
        """Its name."""
        return self.place.name

    @property
    def may_load_older(self) -> bool:
        """Whether the server can be asked now for what was said before all that is here."""
        return self.present and self.has_older and not self.loads_older

    # --- what happens -------------------------------------------------------------------------

    def enter(self, joined: wire.Joined, now: int, me: str) -> None:
        """Take the answer to a join, be it the first one or one after a reconnection."""
        messages: Sequence[wire.Message] = joined.messages
        self._erase_tombstones(messages)
        first = not self.entered
        if not joined.recovered and not first:
            messages = [message for message in messages if not self._has(message)]
            self.tell(now, _("Some messages may be missing here."), warning=True)
        for message in messages:
            self._say(message, me, news=not first)
        oldest = self.transcript.oldest_seq
        self.has_older = oldest is not None and oldest > 1
        self._seq, self._version = joined.seq, joined.version
        self.people.replace(joined.members)
        self.present = self.entered = True
        self.shut = None
        self._settle_drafts()

    def shut_out(self, reason: str) -> None:
        """Note that the server does not let one in: nothing that waits here will be sent."""
        self.present, self.shut = False, reason
        for draft in self.drafts.values():
            if draft.seq is None:
                self.refuse(draft.id, reason)

    def hear(
        self, message: wire.Message | wire.DirectMessage, me: str, *, watched: bool = False
    ) -> None:
        """Take a message; ``watched`` if the person sees it come."""
        self._say(message, me, news=not watched)
        self._seq = message.seq
        self._settle_drafts(message.seq)

    def meet(self, presence: wire.Presence, now: int, me: str) -> None:
        """Take changes of the members; what is known already, and that I came, is not told."""
        if presence.version <= self._version:
            return
        self._version = presence.version
        moved = self.people.apply(presence, now)
        for nick in moved.left:
            self.typists.forget(nick)
        for was, nick in moved.renamed:
            self.typists.rename(was, nick)
        moved = replace(moved, joined=tuple(nick for nick in moved.joined if nick != me))
        if moved.text:
            self._add(moved)

    def list_members(self, listing: wire.MemberList) -> None:
        """Take a list of everybody, unless a later change is known already."""
        if listing.version >= self._version:
            self._version = listing.version
            self.people.replace(listing.members)

    def take_older(self, page: wire.HistoryPage, me: str) -> None:
        """Take messages from before the oldest one here."""
        self._erase_tombstones(page.messages)
        older = [message for message in page.messages if not self._has(message)]
        self.has_older = page.more and bool(older)
        self.transcript.prepend(self._read(message, me) for message in older)

    def erase(self, erased: wire.Erased) -> None:
        """Take that the operator has erased messages: their text is to be seen nowhere."""
        self._erase(lambda said: said.seq > 0 and erased.covers(said.seq))

    def tell(self, at: int, text: str, *, warning: bool = False) -> None:
        """Add a line about something that happened."""
        self._add(Told(at, shown_line(text), warning))

    def forget_positions(self) -> None:
        """Take whatever position comes next: the server lost those that it had given."""
        self._seq = self._version = 0
        self._settle_drafts()

    def read(self) -> None:
        """Note that the person has seen all of it."""
        self.unread = self.mentions = 0

    def likely_nicks(self, me: str) -> Sequence[str]:
        """Give who may be addressed, those first who said something last."""
        nicks = [nick for nick in self.people.nicks if nick != me]
        if self.place.direct:
            nicks.append(self.place.name)
        return sorted(nicks, key=lambda nick: -self._spoke.get(nick, 0))

    # --- drafts -------------------------------------------------------------------------------

    @property
    def next_draft(self) -> Draft | None:
        """The draft to be sent next; None while the room is not joined or nothing waits."""
        if not self.present:
            return None
        waiting = (d for d in self.drafts.values() if d.refusal is None and d.seq is None)
        return next(waiting, None)

    @property
    def refused(self) -> Sequence[Draft]:
        """The drafts that the server would not take."""
        return [draft for draft in self.drafts.values() if draft.refusal is not None]

    def write(self, draft_id: str, text: str) -> None:
        """Take what the person wants to say; or what was refused, to be tried again."""
        self.drafts[draft_id] = Draft(draft_id, text)
        self.unread_from = self.typed.top = None  # what one says is at the end, and so is one then
        self.read()

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
            self.drafts[draft_id] = replace(self.drafts[draft_id], refusal=shown_line(reason))

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

    # --- lines --------------------------------------------------------------------------------

    def _erase(self, is_erased: Callable[[Said], bool]) -> None:
        for said in self.transcript.erase(is_erased):
            self.typed.recall.forget(f"{ACTION}{said.text}" if said.action else said.text)
        if self.call is not None and is_erased(self.call):
            self.call = self.call.without_text()

    def _erase_tombstones(self, messages: Sequence[wire.Message]) -> None:
        """Erase what is here of messages that came again without their text."""
        erased = {(message.id, message.at) for message in messages if message.erased}
        if erased:
            self._erase(lambda said: (said.id, said.at) in erased)

    def _has(self, message: wire.Message) -> bool:
        return any(
            isinstance(entry.line, Said)
            and entry.line.id == message.id
            and entry.line.at == message.at
            for entry in self.transcript.entries
        )

    def _read(self, message: wire.Message | wire.DirectMessage, me: str) -> Said:
        mention = message.sender != me and is_mentioned(me, message.text)
        return Said.from_wire(message, mention=mention)

    def _say(self, message: wire.Message | wire.DirectMessage, me: str, *, news: bool) -> None:
        said = self._read(message, me)
        entry = self._add(said)
        self.drafts.pop(message.id, None)
        self.typists.forget(message.sender)
        self._spoke[message.sender] = message.at
        if news and message.sender != me:
            if not self.unread:
                self.unread_from = entry
            self.unread += 1
            if said.mention or self.place.direct:
                self.mentions += 1
                self.call = said

    def _add(self, line: Line) -> Entry:
        entry = self.transcript.add(line)
        # Somebody who reads further up keeps what they read, up to twice as many lines.
        if self.transcript.drop_oldest(MOST_LINES * (1 if self.typed.top is None else 2)):
            self.has_older = not self.place.direct
        return entry
