"""Whom one writes to under each nickname, by the tags that servers give people. Pure."""

from __future__ import annotations

from typing import Final

from gateway import wire

MOST_REMEMBERED: Final = 1_000
"""The number of nicknames for which a tag is remembered."""


def is_own(message: wire.Message | wire.DirectMessage, me: str) -> bool:
    """Return whether oneself has sent a message, on this device or another one."""
    return message.sender == me or (isinstance(message, wire.DirectMessage) and message.own)


class Correspondents:
    """The tag of whoever had each nickname when one last wrote to it.

    - Somebody who only wrote to us is remembered too, but takes nobody's place: whoever has taken a
      nickname must not get the answer that was meant for the one before.
    - Nicknames that differ in case are the same.
    """

    def __init__(self) -> None:
        self._tags: dict[str, str] = {}

    def meant_by(self, nick: str) -> str | None:
        """Return the tag of the person that one knows under a nickname; None if there is none."""
        return self._tags.get(nick.casefold())

    def apply(self, event: object, me: str) -> None:
        """Apply what has come from the server: direct messages, and new nicknames."""
        match event:
            case wire.DirectMessage():
                self._heard(event, me)
            case wire.Welcome():
                for direct in event.directs:
                    self._heard(direct, me)
            case wire.Presence():
                for change in event.changed:
                    self._renamed(change.was, change.nick)

    def _heard(self, direct: wire.DirectMessage, me: str) -> None:
        if direct.person is None:
            return
        if is_own(direct, me):
            self._note(direct.to, direct.person)
        elif self.meant_by(direct.sender) is None:
            self._note(direct.sender, direct.person)

    def _renamed(self, was: str, nick: str) -> None:
        # They stay known under the nickname before, which somebody else may take.
        if (tag := self.meant_by(was)) is not None and self.meant_by(nick) is None:
            self._note(nick, tag)

    def _note(self, nick: str, tag: str) -> None:
        self._tags.pop(nick.casefold(), None)
        self._tags[nick.casefold()] = tag
        if len(self._tags) > MOST_REMEMBERED:
            del self._tags[next(iter(self._tags))]
