"""One conversation: a room, or the direct messages with one person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from client.i18n.texts import _
from client.model.conversation_key import ConversationKey
from client.model.input_state import InputState
from client.model.lines import ACTION, Draft, Line, MessageLine, SystemLine
from client.model.people import People, Typists
from client.model.transcript import MOST_ROWS, Entry, Transcript
from client.model.unread import entry_to_mark, unread_after
from client.model.view_state import ViewState
from client.text.visible import shown_line
from gateway import wire
from gateway.wire.mentions import is_mentioned

MessageT = TypeVar("MessageT", wire.Message, wire.DirectMessage)

MOST_SPEAKERS: Final = 1_000
"""How many people are known to have spoken in one conversation, the last ones."""


def is_own(message: wire.Message | wire.DirectMessage, me: str) -> bool:
    """Return whether a message is one's own, from whatever device, and whatever nickname then."""
    is_told = isinstance(message, wire.DirectMessage) and message.own
    return is_told or message.sender == me


class Conversation:
    """The lines of a conversation, its members, and its messages that are not delivered yet.

    - ``is_joined``: whether the room is joined on the current connection;
    - ``was_joined``: whether it ever was;
    - ``join_refusal``: why the server refused the last join, None if it did not;
    - ``used``: grows with every use, for the order of conversations;
    - ``unread_from``: the first entry that the person has not seen;
    - ``is_unanswered``: whether somebody else has begun it, and the person has not written here;
    - ``read``: the position up to which the person has read, on whatever device; None before the
      first messages are here;
    - ``seen``: the newest position that this window has shown;
    - ``left_elsewhere``: whether another device of the account has left the room.
    """

    def __init__(self, key: ConversationKey) -> None:
        self.key = key
        self.transcript = Transcript()
        self.people = People()
        self.typists = Typists()
        self.drafts: dict[str, Draft] = {}
        self.input = InputState()
        self.view = ViewState()
        self.is_joined = self.was_joined = key.direct
        self.join_refusal: str | None = None
        self.unread = 0
        self.mentions = 0
        self.newest_mention: MessageLine | None = None
        """The newest message that mentioned the person, or was for them alone."""
        self.unread_from: Entry | None = None
        self.used = 0
        self.is_unanswered = False
        self.has_older = not key.direct
        self.loads_older = False
        self.read: int | None = None
        self.seen = 0
        self.left_elsewhere = False
        self._marked_since: int | None = None
        """The position after which the mark of what is unread belongs, if it is known."""
        self._is_listed = False
        """Whether the account has kept this conversation with a person, who may have been read."""
        self._older_before: int | None = None
        self._seq = 0
        self._version = 0
        self._other: str | None = None
        """The tag of the person whom this is with."""
        self._spoke: dict[str, int] = {}

    @property
    def name(self) -> str:
        """The name of the room or of the person."""
        return self.key.name

    @property
    def is_direct(self) -> bool:
        """Whether this is with one person."""
        return self.key.direct

    @property
    def title(self) -> str:
        """The name as it is displayed."""
        return shown_line(self.name) if self.is_direct else f"#{shown_line(self.name)}"

    @property
    def may_load_older(self) -> bool:
        """Whether the server can be asked now for messages from before the oldest one here."""
        return self.is_joined and self.has_older and not self.loads_older

    @property
    def is_here(self) -> bool:
        """Whether its newest messages are here, so that somebody at its end sees them."""
        return self.was_joined and not self._is_listed

    @property
    def wants_history(self) -> bool:
        """Whether its newest messages are to be asked for: a new device has none of them."""
        return self._is_listed and self.may_load_older

    @property
    def older_before(self) -> int | None:
        """The position before which the next page of older messages is; None for the newest."""
        return self._older_before or self.transcript.oldest_seq

    @property
    def has_unsent(self) -> bool:
        """Whether there is something that the person has written and nobody has got."""
        return bool(self.drafts or self.input.text.strip() or self.input.overflow)

    # --- what happens -------------------------------------------------------------------------

    def apply_joined(self, joined: wire.Joined, now: int, me: str) -> None:
        """Apply the answer to a join: to the first one, or to one after a reconnection."""
        messages: Sequence[wire.Message] = joined.messages
        self._erase_tombstones(messages)
        first = not self.was_joined
        if not joined.recovered and not first:
            messages = self._not_here(messages)
            if joined.recovered is False or len(messages) == len(joined.messages) > 0:
                self.report(now, _("Some messages may be missing here."), warning=True)
        for message in messages:
            self._add_message(message, me, news=not first)
        oldest = self.transcript.oldest_seq
        self.has_older = oldest is not None and oldest > 1
        self._seq, self._version = joined.seq, joined.version
        self.people.replace(joined.members)
        self.is_joined = self.was_joined = True
        self.join_refusal, self.left_elsewhere = None, False
        if self.read is None:
            self.read = joined.seq
        elif first and self.unread:
            self._count_unread(me, self.read)
        self._settle_drafts()

    def refuse_join(self, reason: str) -> None:
        """Note that the server refuses the room, and mark all that waits here as refused."""
        self.is_joined, self.join_refusal = False, reason
        for draft in self.drafts.values():
            if draft.seq is None:
                self.refuse(draft.id, reason)

    def add_message(
        self, message: wire.Message | wire.DirectMessage, me: str, *, watched: bool = False
    ) -> None:
        """Add a message; ``watched`` is whether the person sees it come."""
        if isinstance(message, wire.DirectMessage) and message.person is not None:
            self._note_other(message.person, message.at)
        self._add_message(message, me, news=not watched)
        self._seq = message.seq
        self._settle_drafts(message.seq)

    def _note_other(self, tag: str, at: int) -> None:
        """Note whom this is with, and report it if that is somebody else than before."""
        if self._other is not None and self._other != tag:
            text = _("{nick} is now somebody else than before.")
            self.report(at, text.format(nick=shown_line(self.name)), warning=True)
        self._other = tag

    def apply_presence(self, presence: wire.Presence, now: int, me: str) -> None:
        """Apply changes of the members, and add a line about those that are news to ``me``."""
        if presence.version <= self._version:
            return
        self._version = presence.version
        change = self.people.apply(presence, now)
        for nick in change.left:
            self.typists.forget(nick)
        for was, nick in change.renamed:
            self.typists.rename(was, nick)
        change = replace(change, joined=tuple(nick for nick in change.joined if nick != me))
        if change.text:
            self._add(change)

    def apply_member_list(self, listing: wire.MemberList) -> None:
        """Replace all members, unless a later change is known already."""
        if listing.version >= self._version:
            self._version = listing.version
            self.people.replace(listing.members)

    def add_older(self, page: wire.HistoryPage, me: str) -> None:
        """Add a page of messages from before the oldest one here."""
        self._erase_tombstones(page.messages)
        older: Sequence[wire.Message | wire.DirectMessage] = (
            self._not_here(page.directs) if self.is_direct else self._not_here(page.messages)
        )
        self.has_older = page.more and bool(older or self.is_direct)
        self._older_before, was_listed = page.before, self._is_listed
        self._is_listed = False
        marked = self.unread_from.line if self.unread_from is not None else None
        self.transcript.prepend(self._line(message, me) for message in older)
        if older and marked is not None:
            self.unread_from = entry_to_mark(self.transcript, marked, self._marked_since)
        elif was_listed and self.unread:
            self._count_unread(me, self.read or 0)

    def erase(self, erased: wire.Erased) -> None:
        """Erase the text of messages that the operator has erased, everywhere it is kept."""
        self._erase(lambda line: line.seq > 0 and erased.covers(line.seq))

    def report(self, at: int, text: str, *, warning: bool = False) -> None:
        """Add a `SystemLine`."""
        self._add(SystemLine(at, shown_line(text), warning))

    def forget_positions(self) -> None:
        """Accept any position next: the server lost those that it had given."""
        self._seq = self._version = 0
        self.read = None if self.read is None else 0
        self._settle_drafts()

    def mark_read(self) -> None:
        """Note that the person has seen every message."""
        self.unread = self.mentions = 0
        self.seen = self._seq
        self.read = max(self._seq, self.read or 0)

    # --- what the account knows ---------------------------------------------------------------

    def begin_at(self, read: int, unread: int, mentions: int, *, seq: int | None = None) -> None:
        """Take over what the account has read of this, and how much that leaves unread.

        ``seq`` is that of the newest message from the person whom this is with.
        """
        if seq is not None:
            is_new = not self.transcript.entries
            self._is_listed = self.has_older = self._is_listed or is_new
            self._seq = max(self._seq, seq)
        if self.read is None or read >= self.read:
            self.read, self.unread, self.mentions = read, unread, mentions
        if not self.unread:
            self.mentions = 0

    def read_elsewhere(self, seq: int, me: str) -> None:
        """Note that another device of the account has shown everything up to ``seq``."""
        if seq <= (self.read or 0):
            return
        self.read = seq
        if self._seq <= seq:
            self.unread = self.mentions = 0
            self.unread_from = None
        else:
            self._count_unread(me, seq)

    def _count_unread(self, me: str, read: int) -> None:
        """Count what is unread after a position, and mark the first of it."""
        found = unread_after(self.transcript, read, shown_line(me), in_row=not self.is_direct)
        self.unread, self.unread_from, self._marked_since = found.messages, found.first, read
        calls = found.messages if self.is_direct else found.mentions
        self.mentions = max(calls, min(self.mentions, found.missing))

    def likely_nicks(self, me: str) -> Sequence[str]:
        """Return the nicknames that may be addressed, the last speakers first."""
        nicks = [nick for nick in self.people.nicks if nick != me]
        if self.is_direct:
            nicks.append(self.name)
        return sorted(nicks, key=lambda nick: -self._spoke.get(nick, 0))

    def take_over(self, other: Conversation) -> None:
        """Take over what the person has written in another conversation of the same room."""
        self.drafts |= other.drafts
        if not self.input.text:
            self.input = other.input

    # --- drafts -------------------------------------------------------------------------------

    @property
    def next_draft(self) -> Draft | None:
        """The draft to be sent next; None while the room is not joined or nothing waits."""
        if not self.is_joined:
            return None
        waiting = (d for d in self.drafts.values() if d.refusal is None and d.seq is None)
        return next(waiting, None)

    @property
    def refused(self) -> Sequence[Draft]:
        """The drafts that are not sent again by themselves."""
        return [draft for draft in self.drafts.values() if draft.refusal is not None]

    @property
    def repeatable(self) -> Sequence[Draft]:
        """The refused drafts that may be sent again as they are, without asking the person."""
        return [draft for draft in self.refused if draft.stranger is None]

    def write(self, draft_id: str, text: str) -> None:
        """Add a draft; the person is at the end then, and has read everything."""
        self.drafts[draft_id] = Draft(draft_id, text)
        self.is_unanswered = False
        self.unread_from = None
        self.view.go_to_end()
        self.mark_read()

    def disconnect(self) -> None:
        """Note that the room has to be joined again before anything is sent.

        A draft that was being sent is sent again after that, unless its message was delivered.
        """
        self.is_joined = False

    def acknowledge(self, draft_id: str, seq: int) -> None:
        """Note that the server took a draft, at ``seq``; it is dropped when its message is here."""
        if draft_id in self.drafts:
            self.drafts[draft_id] = replace(self.drafts[draft_id], seq=seq)
            self._settle_drafts(self._seq)

    def refuse(
        self, draft_id: str, reason: str, *, uncertain: bool = False, stranger: str | None = None
    ) -> None:
        """Note why a draft is not sent again; ``uncertain`` if it may have been delivered.

        ``stranger`` is as in `Draft`.
        """
        if uncertain:
            self.doubt(draft_id)
        if draft_id in self.drafts:
            self.drafts[draft_id] = replace(
                self.drafts[draft_id], refusal=shown_line(reason), stranger=stranger
            )

    def doubt(self, draft_id: str) -> None:
        """Note that a draft may have been delivered, or may yet be, until it is acknowledged."""
        if draft_id in self.drafts:
            self.drafts[draft_id] = replace(self.drafts[draft_id], uncertain=True)

    def retry(self, draft_id: str) -> None:
        """Clear the refusal of a draft, so that it is sent again."""
        if draft_id in self.drafts:
            self.drafts[draft_id] = replace(self.drafts[draft_id], refusal=None)

    def discard(self, draft_id: str) -> None:
        """Drop a draft."""
        self.drafts.pop(draft_id, None)

    def _settle_drafts(self, seq: int | None = None) -> None:
        """Drop the drafts that the server took: up to ``seq``, or all of them."""
        for draft in list(self.drafts.values()):
            if draft.seq is not None and (seq is None or draft.seq <= seq):
                del self.drafts[draft.id]

    # --- lines --------------------------------------------------------------------------------

    def _erase(self, is_erased: Callable[[MessageLine], bool]) -> None:
        for line in self.transcript.erase(is_erased):
            self.input.history.forget(f"{ACTION}{line.text}" if line.action else line.text)
        if self.newest_mention is not None and is_erased(self.newest_mention):
            self.newest_mention = self.newest_mention.without_text()

    def _erase_tombstones(self, messages: Sequence[wire.Message]) -> None:
        """Erase the text of messages that came again without it."""
        erased = {(message.id, message.at) for message in messages if message.erased}
        if erased:
            self._erase(lambda line: (line.id, line.at) in erased)

    def _not_here(self, messages: Sequence[MessageT]) -> list[MessageT]:
        """Return those of some messages that are no lines here."""
        lines = (entry.line for entry in self.transcript.entries)
        here = {(line.id, line.at) for line in lines if isinstance(line, MessageLine)}
        return [message for message in messages if (message.id, message.at) not in here]

    def _line(self, message: wire.Message | wire.DirectMessage, me: str) -> MessageLine:
        line = MessageLine.from_wire(message)
        is_other = not is_own(message, me)
        return replace(line, mention=is_other and is_mentioned(me, line.text))

    def _add_message(
        self, message: wire.Message | wire.DirectMessage, me: str, *, news: bool
    ) -> None:
        line = self._line(message, me)
        entry = self._add(line)
        self.drafts.pop(message.id, None)
        self.typists.forget(message.sender)
        self._spoke.pop(message.sender, None)
        self._spoke[message.sender] = message.at
        if len(self._spoke) > MOST_SPEAKERS:
            del self._spoke[next(iter(self._spoke))]
        if news and not is_own(message, me):
            if not self.unread:
                self.unread_from, self._marked_since = entry, None
            self.unread += 1
            if line.mention or self.is_direct:
                self.mentions += 1
                self.newest_mention = line

    def _add(self, line: Line) -> Entry:
        entry = self.transcript.add(line)
        # While somebody reads further up, twice as many rows are kept, so that theirs stay.
        if self.transcript.drop_oldest(MOST_ROWS * (1 if self.view.at_end else 2)):
            self.has_older = not self.is_direct or self._older_before is not None
            self._older_before = None
        return entry
