"""Direct messages and typing notes of one session: finds the recipient, and delivers.

Both are *persons*, as `gateway.auth.identity.person_of` names them: an account, whether or not it
has sessions, or the session of a guest. `Owner.session` is the id of a person.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import trio

from gateway.auth.identity import is_account_id, person_of, sender_of
from gateway.auth.session_secrets import person_tag
from gateway.backplane import Backplane, Owner, payloads
from gateway.backplane.conversations import Peer
from gateway.delivery.relay import Relay
from gateway.delivery.room import MOST_TOLD_OF_TYPING
from gateway.policy.nicknames import MAX_CHARS, MOST_READ
from gateway.wire import CommandError, NoteTyping, SendDirect, Typing

TYPING_SECONDS: Final = 2.0
"""Seconds in which at most one typing note of a session to one room or person is sent."""


class DirectMessages:
    """Sends the direct messages and typing notes of one session."""

    __slots__ = ("_backplane", "_noted", "_person", "_relay", "_sid")

    def __init__(self, backplane: Backplane, relay: Relay, sid: str) -> None:
        self._backplane = backplane
        self._relay = relay
        self._sid = sid
        self._person = person_of(sid)
        self._noted: dict[tuple[str | None, str | None], float] = {}

    async def send(
        self, nick: str, command: SendDirect, *, term: int,
        check: Callable[[Owner], Awaitable[None]] | None = None,
    ) -> int:  # fmt: skip
        """Deliver a message to the inboxes of both people; return its ``seq`` in the sender's.

        - First the recipient is recorded, so that another attempt goes to the same person, whoever
          has the nickname by then.
        - The recipient's inbox is before the sender's: what a sender sees as sent has arrived.
        - ``check`` raises if the sender may not write to somebody else now.
        - If the command names a person, it is sent only if the nickname is theirs.
        - An id stands for one message of a guest's session, or of a device of an account.

        :raises CommandError: ``no_such_nick``, ``other_person``, or ``gone`` after an earlier
            attempt.
        :raises IdReused: if the id was used for another text or recipient.
        :raises Replaced: if another node has resumed the session after ``term``.
        """
        key = f"{sender_of(self._sid)}:{command.id}"
        digest = payloads.digest_of(command.to, command.text)
        owner = await self._owner(command.to)
        if check is not None and owner is not None and owner.session != self._person:
            await check(owner)
        meant = owner if owner is not None and _is_meant(owner, command) else None
        recipient = await self._backplane.inboxes.address(
            self._person, key, meant, term=term, digest=digest
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
        deliver = partial(self._deliver, nick, recipient, command, key=key, digest=digest)
        if recipient.session != self._person:
            await deliver(incoming=True)
        return await deliver(incoming=False)

    async def _deliver(
        self, nick: str, recipient: Owner, command: SendDirect, *,
        incoming: bool, key: str, digest: str,
    ) -> int:  # fmt: skip
        """Deliver to the recipient if ``incoming``, else the sender's own copy."""
        inboxes, nodes = self._backplane.inboxes, self._backplane.nodes
        owner, other = self._person, recipient.session
        channel, other_nick = nodes.channel, recipient.nick
        if incoming:
            owner, other = other, owner
            channel, other_nick = nodes.channel_of(recipient.node), nick
        tag, peer = person_tag(other), None
        if is_account_id(owner):
            channel, peer = inboxes.channel(owner), Peer(tag, other_nick, incoming)
        tail = payloads.encode_direct_tail(
            sender=nick,
            to=recipient.nick,
            text=command.text,
            id=command.id,
            person=tag,
            own=peer is not None and not incoming,
        )
        mark = payloads.direct_mark(owner)
        return await inboxes.deliver(
            owner, channel, key, mark=mark, tail=tail, digest=digest, peer=peer
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
        person = recipient.session
        if person != self._person and self._is_due(None, person):
            note = payloads.encode_note(person, Typing(nick=nick))
            if is_account_id(person):
                channel = self._backplane.inboxes.channel(person)
                await self._backplane.publish(channel.decode(), note)
            else:
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
    return person is None or person == person_tag(owner.session)


def _another(owner: Owner) -> CommandError:
    text = f"{owner.nick} is somebody else now than the one you mean."
    tag = person_tag(owner.session)
    return CommandError("other_person", text, suggestion=tag)


def _nobody(nick: str) -> CommandError:
    return CommandError("no_such_nick", f"Nobody here is called {nick[:MAX_CHARS]!r}.")
