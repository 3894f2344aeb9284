"""Inboxes as all nodes share them: a log of direct messages for each session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from gateway.backplane.epochs import Epochs, continuation
from gateway.backplane.errors import IdReused, Replaced
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.nicks import Owner
from gateway.backplane.nodes import channel_of
from gateway.backplane.payloads import direct_mark, only_messages
from gateway.backplane.redis.errors import Refused, reading
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.scripts import ADDRESS, DELIVER, MOVE, RENEW_EPOCH, SNAPSHOT
from gateway.backplane.timeline import Timeline

INBOX_SECONDS: Final = 3600.0
"""An inbox that nobody keeps or writes to is gone after so long; its session is over by then."""
INBOX_SIZE: Final = 1000
"""Messages that an inbox's log keeps, at least."""
REMEMBERED_IDS: Final = 1000
"""A message id is recognised for at least this many further ones of an inbox."""

_MOST_DIGITS: Final = 19
_REPLACED: Final = -2


class InboxPosition(NamedTuple):
    """Where an inbox is; ``epoch`` is empty if Redis knows no such inbox."""

    epoch: str
    seq: int


class InboxPage(NamedTuple):
    """Where an inbox is, and messages of its log, in order; they may stop before ``seq``."""

    epoch: str
    seq: int
    messages: list[bytes]
    timeline: Timeline


class InboxKeys:
    """The names of an inbox's keys; the braces keep them on one hash slot."""

    __slots__ = ("ids", "log", "meta", "older_ids")

    def __init__(self, namespace: str, session: str) -> None:
        base = f"{namespace}:{{inbox:{session}}}"
        self.meta = f"{base}:meta"
        self.log = f"{base}:log"
        self.ids = f"{base}:ids"
        self.older_ids = f"{base}:ids:older"

    def all(self) -> tuple[str, ...]:
        """Every key, in the order that the script takes them."""
        return self.meta, self.log, self.ids, self.older_ids


class InboxStore:
    """What can be done to inboxes in Redis.

    Every method raises `Unavailable` if Redis cannot answer; whether it then took effect is
    unknown, and doing it again is safe.
    """

    def __init__(self, link: Link, *, namespace: str, scope: str, incarnation: Incarnation) -> None:
        self._link = link
        self._namespace = namespace
        self._own_channel = channel_of(scope, incarnation.node).encode()
        self._epochs = Epochs()

    def _keys(self, session: str) -> InboxKeys:
        return InboxKeys(self._namespace, session)

    async def deliver(
        self, session: str, channel: bytes, key: str, *, mark: bytes, tail: bytes, digest: str
    ) -> int:
        """Log a message in a session's inbox, and publish it to the node that has the session.

        - ``channel``: where to publish it, unless the inbox was moved and names another one;
        - ``key``: by which another attempt to deliver the message is recognised;
        - ``mark``: goes before what is published;
        - ``tail``: the message's JSON without its head (`gateway.backplane.payloads`);
        - ``digest``: by which something else that is said under the key is recognised.

        Once it has returned the message is logged and published. Messages that are delivered at the
        same time may be published in another order than they are logged in, and one that is
        delivered again is published again.

        :returns: its ``seq``; the first one's, if the inbox has a message of this key.
        :raises IdReused: if something else was said under the key.
        """
        logged: list[Any] = await self._link.run_script(
            DELIVER,
            self._keys(session).all(),
            key,
            tail,
            INBOX_SIZE,
            REMEMBERED_IDS,
            self._epochs.new(),
            round(INBOX_SECONDS * 1000),
            digest,
            self._link.replication_id,
        )
        return await self._publish(logged, channel, mark)

    async def _publish(self, logged: list[Any], channel: bytes, mark: bytes) -> int:
        """Publish what a script says that is logged, on the inbox's own channel or else this one.

        :returns: its ``seq``.
        """
        seq: int
        seq, own_channel, message = logged
        if seq < 0:
            raise IdReused
        if only_messages([message]):  # else it is not in the log any more
            await self._link.call("PUBLISH", own_channel or channel, mark + message)
        return seq

    @reading
    async def address(
        self, session: str, key: str, recipient: Owner | None, *, term: int, digest: str
    ) -> int | Owner | None:
        """Note whom a message of a session of this node is for, before it is delivered to both.

        :returns: its ``seq`` in the session's own inbox if it is there already, and it is published
            again; else whom it is for, which for another attempt is whoever the first one was for;
            None if nobody.
        :raises IdReused: if something else was said under the key, or to somebody else.
        :raises Replaced: if the session has been taken up in a later term.
        """
        noted: int | bytes | list[Any] | None = await self._link.run_script(
            ADDRESS,
            self._keys(session).all(),
            key,
            "" if recipient is None else " ".join(recipient),
            REMEMBERED_IDS,
            self._epochs.new(),
            round(INBOX_SECONDS * 1000),
            digest,
            term,
        )
        if noted is None:
            return None
        if isinstance(noted, bytes):
            return Owner(*noted.decode().split(" "))
        if noted == _REPLACED:
            raise Replaced(term)
        if isinstance(noted, int):
            raise IdReused
        return await self._publish(noted, self._own_channel, direct_mark(session))

    @reading
    async def read(self, session: str, *, after: int, limit: int) -> InboxPage:
        """Read an inbox on from a position."""
        keys = self._keys(session)
        # An inbox is a room of one: it has no members, at version 0.
        epoch, seq, _, messages, _, _, *written = await self._link.run_script(
            SNAPSHOT, (keys.meta, f"{keys.meta}:members", keys.log), after, limit, 0
        )
        timeline = Timeline.read(*written, server=self._link.replication_id, seq=seq)
        return InboxPage(epoch.decode(), seq, only_messages(messages), timeline)

    async def renew_epoch(self, session: str, epoch: str, *, beyond: str) -> None:
        """Put an inbox into another epoch than this one, as `RoomStore.renew_epoch` does."""
        meta = self._keys(session).meta
        new = continuation(epoch, beyond=beyond) if epoch else self._epochs.new()
        await self._link.run_script(RENEW_EPOCH, (meta,), epoch, new)
        await self.keep([session])

    async def move(self, session: str, channel: bytes, *, term: int) -> None:
        """Have an inbox publish to another node from now on, whatever a sender believes.

        What is delivered after this is heard there; what was before is in the log. It stays where
        it is if its session has been taken up in a later term.
        """
        meta = self._keys(session).meta
        await self._link.run_script(MOVE, (meta,), channel, term, round(INBOX_SECONDS * 1000))

    async def positions(self, sessions: Sequence[str]) -> list[InboxPosition | None]:
        """Return where many inboxes are; None for one that somebody else has spoilt."""
        replies = await self._link.try_all(
            [("HMGET", self._keys(session).meta, "epoch", "seq") for session in sessions]
        )
        return [None if isinstance(reply, Refused) else _position(*reply) for reply in replies]

    async def keep(self, sessions: Sequence[str]) -> None:
        """Have inboxes live on: their sessions are there."""
        life = round(INBOX_SECONDS * 1000)
        await self._link.call_all(
            [("PEXPIRE", key, life) for session in sessions for key in self._keys(session).all()]
        )

    async def forget(self, sessions: Sequence[str]) -> None:
        """Drop the inboxes of sessions that are over."""
        await self._link.call_all([("UNLINK", *self._keys(session).all()) for session in sessions])


def _position(epoch: bytes | None, seq: bytes | None) -> InboxPosition | None:
    if seq is not None and not (seq.isdigit() and len(seq) < _MOST_DIGITS):
        return None
    return InboxPosition((epoch or b"").decode("utf-8", "replace"), int(seq or 0))
