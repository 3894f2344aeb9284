"""What a conversation is made of: lines, and what is not sent yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final

from client.i18n.texts import _
from client.model.display_text import name_some, shown, shown_line
from gateway import wire

ACTION: Final = "/me "
"""How the text of an action begins on the wire, as in HexChat's /me."""


@dataclass(frozen=True)
class Said:
    """A message, safe to be shown; ``at`` is in Unix milliseconds, as everywhere here."""

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
    def from_wire(
        cls, message: wire.Message | wire.DirectMessage, *, mention: bool = False
    ) -> Said:
        """Take a message from the net."""
        action = message.text.startswith(ACTION)
        text = message.text.removeprefix(ACTION) if action else message.text
        sender = shown_line(message.sender)
        said = cls(message.at, sender, shown(text), message.id, message.seq, action, mention)
        return said.without_text() if isinstance(message, wire.Message) and message.erased else said

    def without_text(self) -> Said:
        """Return what is left of it once it is erased: who said something, and when."""
        return replace(self, text="", mention=False, erased=True)


@dataclass(frozen=True)
class Moved:
    """Who came, went, and changed their name since somebody last said something."""

    at: int
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()

    def then(self, later: Moved) -> Moved:
        """Fold what happened later into one; who comes and goes in between is no news."""
        names = dict(later.renamed)
        joined = [names.get(nick, nick) for nick in self.joined]
        renamed = {new: old for old, new in self.renamed}
        for old, new in later.renamed:
            if new not in joined:
                renamed[new] = renamed.pop(old, old)
        left = [nick for nick in self.left if nick not in later.joined]
        left += [renamed.pop(nick, nick) for nick in later.left if nick not in joined]
        joined = [nick for nick in joined if nick not in later.left]
        joined += [nick for nick in later.joined if nick not in self.left]
        pairs = ((old, new) for new, old in renamed.items() if old != new)
        return Moved(later.at, tuple(joined), tuple(left), tuple(pairs))

    @property
    def text(self) -> str:
        """The same, in words; empty if in the end nothing has changed."""
        parts = [
            _("{old} is now {new}").format(old=shown_line(old), new=shown_line(new))
            for old, new in self.renamed
        ]
        if self.joined:
            parts.append(_("{names} joined").format(names=_names(self.joined)))
        if self.left:
            parts.append(_("{names} left").format(names=_names(self.left)))
        return "; ".join(parts)


@dataclass(frozen=True)
class Told:
    """Something that happened, told quietly; as a ``warning`` if it should not be missed."""

    at: int
    text: str
    warning: bool = False


@dataclass(frozen=True)
class NewDay:
    """The lines from here on are of this day."""

    at: int
    day: date


Line = Said | Moved | Told | NewDay


@dataclass(frozen=True)
class Draft:
    """What the person has said and nobody has seen yet; ``refusal`` says why it will not be."""

    id: str
    text: str
    refusal: str | None = None
    seq: int | None = None
    """Where the server put it; then its message is on the way."""


def day_of(at: int) -> date:
    """Give the day of a time, where the person is."""
    return datetime.fromtimestamp(at / 1000, tz=UTC).astimezone().date()


def _names(nicks: Sequence[str]) -> str:
    return name_some([shown_line(nick) for nick in nicks])
