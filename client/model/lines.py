"""The lines of a conversation, and messages that are not delivered yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final

from client.i18n.texts import _, ngettext
from client.model.display_text import name_some, shown
from client.text.visible import shown_line
from gateway import wire

ACTION: Final = "/me "
"""The prefix on the wire of a message that tells an action, as in HexChat's /me."""

_MOST_RENAMED: Final = 5
"""When more people are renamed at once, the others are only counted."""


@dataclass(frozen=True)
class MessageLine:
    """A message, made safe for display; ``at`` is in Unix milliseconds, as everywhere here."""

    at: int
    sender: str
    text: str
    id: str
    seq: int = 0
    action: bool = False
    mention: bool = False
    erased: bool = False
    """Whether the operator has erased its text, which is empty then."""

    @classmethod
    def from_wire(cls, message: wire.Message | wire.DirectMessage) -> MessageLine:
        """Return the line for a message from the server."""
        action = message.text.startswith(ACTION)
        text = message.text.removeprefix(ACTION) if action else message.text
        sender = shown_line(message.sender)
        line = cls(message.at, sender, shown(text), message.id, message.seq, action)
        return line.without_text() if isinstance(message, wire.Message) and message.erased else line

    def without_text(self) -> MessageLine:
        """Return what is left of it once it is erased: its sender, its time and its position."""
        return replace(self, text="", mention=False, erased=True)


@dataclass(frozen=True)
class MembershipLine:
    """Who joined, left or was renamed since the last message."""

    at: int
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()

    def then(self, later: MembershipLine) -> MembershipLine:
        """Return one line for both; somebody who joins and leaves in between is in neither list."""
        names = dict(later.renamed)
        joined = [names.get(nick, nick) for nick in self.joined]
        came, were_gone = set(joined), set(self.left)
        come_now, gone_now = set(later.joined), set(later.left)
        renamed = {new: old for old, new in self.renamed}
        for old, new in later.renamed:
            if new not in came:
                renamed[new] = renamed.pop(old, old)
        left = [nick for nick in self.left if nick not in come_now]
        left += [renamed.pop(nick, nick) for nick in later.left if nick not in came]
        joined = [nick for nick in joined if nick not in gone_now]
        joined += [nick for nick in later.joined if nick not in were_gone]
        pairs = ((old, new) for new, old in renamed.items() if old != new)
        return MembershipLine(later.at, tuple(joined), tuple(left), tuple(pairs))

    @property
    def text(self) -> str:
        """The line in words; empty if in the end nothing has changed."""
        parts = [
            _("{old} is now {new}").format(old=shown_line(old), new=shown_line(new))
            for old, new in self.renamed[:_MOST_RENAMED]
        ]
        if others := len(self.renamed[_MOST_RENAMED:]):
            text = ngettext(
                "{others:,} other is called differently now",
                "{others:,} others are called differently now",
                others,
            )
            parts.append(text.format(others=others))
        if self.joined:
            parts.append(_("{names} joined").format(names=_names(self.joined)))
        if self.left:
            parts.append(_("{names} left").format(names=_names(self.left)))
        return "; ".join(parts)


@dataclass(frozen=True)
class SystemLine:
    """Something that the program reports; a ``warning`` stands out."""

    at: int
    text: str
    warning: bool = False


@dataclass(frozen=True)
class DateLine:
    """The date of the lines below it."""

    at: int
    day: date


Line = MessageLine | MembershipLine | SystemLine | DateLine


@dataclass(frozen=True)
class Draft:
    """A message of one's own that is not displayed as delivered yet.

    - ``refusal``: why it is not sent again, None as long as it is;
    - ``uncertain``: whether it may have been delivered, or may yet be, although no answer says so;
    - ``stranger``: the tag of whoever has the nickname now, if it was meant for somebody else; it
      is sent to them only if the person says so.
    """

    id: str
    text: str
    refusal: str | None = None
    uncertain: bool = False
    stranger: str | None = None
    seq: int | None = None
    """Its position once the server has taken it; its message is then on the way."""


def day_of(at: int) -> date:
    """Return the local date of a time in Unix milliseconds."""
    return datetime.fromtimestamp(at / 1000, tz=UTC).astimezone().date()


def _names(nicks: Sequence[str]) -> str:
    return name_some([shown_line(nick) for nick in nicks])
