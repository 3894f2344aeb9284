"""Direct messages and typing notes of one session: finds the recipient, and delivers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import trio

from gateway.auth import session_secrets
from gateway.backplane import Backplane, Owner, payloads
from gateway.delivery.relay import Relay
from gateway.delivery.room import MOST_TOLD_OF_TYPING
from gateway.policy.nicknames import MAX_CHARS, MOST_READ
from gateway.wire import CommandError, NoteTyping, SendDirect, Typing

TYPING_SECONDS: Final = 2.0
"""Seconds in which at most one typing note of a session to one room or person is sent."""


class DirectMessages:
    """Sends the direct messages and typing notes of one session."""

    __slots__ = ("_backplane", "_noted", "_relay", "_sid")

    def __init__(self, backplane: Backplane, relay: Relay, sid: str) -> None:
        self._backplane = backplane
        self._relay = relay
        self._sid = sid
        self._noted: dict[tuple[str | None, str | None], float] = {}

    async def send(
        self, nick: str, command: SendDirect, *, term: int,
        check: Callable[[Owner], None] = lambda _: None,
    ) -> int:  # fmt: skip
        """Deliver a message to the inboxes of both people; return its ``seq`` in the sender's.

        - First the recipient is recorded, so that another attempt goes to the same person, whoever
          has the nickname by then.
        - The recipient's inbox is before the sender's: what a sender sees as sent has arrived.
        - ``check`` raises if the sender may not write to somebody now.
        - If the command names a person, it is sent only if the nickname is theirs.

        :raises CommandError: ``no_such_nick``, ``other_person``, or ``gone`` after an earlier
            attempt.
        :raises IdReused: if the id was used for another text or recipient.
        :raises Replaced: if another node has resumed the session after ``term``.
        """
        key, digest = f"{self._sid}:{command.id}", payloads.digest_of(command.to, command.text)
        owner = await self._owner(command.to)
        if owner is not None and owner.session != self._sid:
            check(owner)
        meant = owner if owner is not None and _is_meant(owner, command) else None
        recipient = await self._backplane.inboxes.address(
            self._sid, key, meant, term=term, digest=digest
        )
        if isinstance(recipient, int):
            return recipient
        if recipient is None:
            raise _nobody(command.to) if owner is None else _another(owner)
        if (owner is None or owner.session != recipient.session) and not (
            await self._backplane.nicks.has(recipient.session)
        ):
            text = f"{recipient.nick} has gone; what you wrote may have arrived or not."
            raise CommandError("gone", text)
        encode = partial(
            payloads.encode_direct_tail,
            sender=nick, to=recipient.nick, text=command.text, id=command.id,
        )  # fmt: skip
        deliver = partial(self._deliver, key=key, digest=digest)
        if recipient.session != self._sid:
            tail = encode(person=session_secrets.person_tag(self._sid))
            await deliver(recipient.session, recipient.node, tail=tail)
        tail = encode(person=session_secrets.person_tag(recipient.session))
        return await deliver(self._sid, None, tail=tail)

    async def _deliver(
        self, session: str, node: str | None, *, key: str, tail: bytes, digest: str
    ) -> int:
        nodes = self._backplane.nodes
        return await self._backplane.inboxes.deliver(
            session,
            nodes.channel if node is None else nodes.channel_of(node),
            key,
            mark=payloads.direct_mark(session),
            tail=tail,
            digest=digest,
        )

    async def notify_typing(self, nick: str, command: NoteTyping) -> None:
        """Publish a typing note, unless one was just sent there or the room is too large.

        :raises CommandError: ``not_in_room`` or ``no_such_nick``.
        """
        if command.room is not None:
            room = self._relay.joined(command.room, self._sid)
            if len(room.roster.members) <= MOST_TOLD_OF_TYPING and self._is_due(room.key, None):
                note = payloads.encode_note(self._sid, Typing(nick=nick, room=room.name))
                await self._backplane.rooms.notify(room.key, note)
            return
        recipient = await self._find(command.to or "")
        if recipient.session != self._sid and self._is_due(None, recipient.session):
            note = payloads.encode_note(recipient.session, Typing(nick=nick))
            await self._backplane.nodes.notify(recipient.node, note)

    def _is_due(self, room: str | None, session: str | None) -> bool:
        now = trio.current_time()
        self._noted = {to: at for to, at in self._noted.items() if now - at < TYPING_SECONDS}
        target = room, session
        if target in self._noted:
            return False
        self._noted[target] = now
        return True

    async def _find(self, nick: str) -> Owner:
        owner = await self._owner(nick)
        if owner is None:
            raise _nobody(nick)
        return owner

    async def _owner(self, nick: str) -> Owner | None:
        return await self._backplane.nicks.owner(nick) if len(nick) <= MOST_READ else None


def _is_meant(owner: Owner, command: SendDirect) -> bool:
    person = command.person
    return person is None or person == session_secrets.person_tag(owner.session)


def _another(owner: Owner) -> CommandError:
    text = f"{owner.nick} is somebody else now than the one you mean."
    tag = session_secrets.person_tag(owner.session)
    return CommandError("other_person", text, suggestion=tag)


def _nobody(nick: str) -> CommandError:
    return CommandError("no_such_nick", f"Nobody here is called {nick[:MAX_CHARS]!r}.")
