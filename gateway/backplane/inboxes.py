"""The inboxes in Redis: each is a session's log of direct messages.

An inbox has no expiry: it is deleted when its session is released, whatever the clock of Redis does
meanwhile. What no session holds, `gateway.cluster.collector` deletes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from gateway.backplane.epochs import Epochs, continuation
from gateway.backplane.errors import IdReused, Replaced
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.log_page import LogPage
from gateway.backplane.nicks import Owner
from gateway.backplane.nodes import channel_of
from gateway.backplane.payloads import direct_mark, only_messages
from gateway.backplane.redis.errors import Refused, reading
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.scripts import ADDRESS, DELIVER, MOVE, RENEW_EPOCH, SNAPSHOT, Command
from gateway.backplane.timeline import Timeline

INBOX_SIZE: Final = 1000
"""Messages that an inbox's log keeps, at least, if they fit into its bytes."""
REMEMBERED_IDS: Final = 1000
"""The number of an inbox's last messages whose ids are remembered, at least."""

_MOST_DIGITS: Final = 19
_REPLACED: Final = -2


class InboxPosition(NamedTuple):
    """An inbox's epoch, empty if there is no such inbox, and the ``seq`` of its last message."""

    epoch: str
    seq: int


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
        """Return all keys, in the order in which scripts expect them."""
        return self.meta, self.log, self.ids, self.older_ids


class InboxStore:
    """The inboxes in Redis.

    Every method raises `Unavailable` if Redis cannot answer. Whether it took effect is then
    unknown; repeating it is safe.
    """

    def __init__(
        self, link: Link, *, namespace: str, scope: str, incarnation: Incarnation, log_bytes: int
    ) -> None:
        self._link = link
        self._log_bytes = log_bytes
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
        - ``key``: the idempotency key;
        - ``mark``: goes before what is published;
        - ``tail``: the message's JSON without its head (`gateway.backplane.payloads`);
        - ``digest``: of the message, by which another attempt is told from another message.

        When it returns, the message is logged and published. Publications of an inbox may arrive in
        another order than the log's, and more than once.

        :returns: its ``seq``; that of the first attempt, if there was one under this key.
        :raises IdReused: if the key was used for another message.
        """
        logged: list[Any] = await self._link.run_script(
            DELIVER,
            self._keys(session).all(),
            key,
            tail,
            INBOX_SIZE,
            REMEMBERED_IDS,
            self._epochs.new(),
            digest,
            self._link.replication_id,
            self._log_bytes,
        )
        return await self._publish(logged, channel, mark)

    async def _publish(self, logged: list[Any], channel: bytes, mark: bytes) -> int:
        """Publish a logged message on its inbox's channel, or else on this one; return its seq.

        ``logged`` is what `DELIVER` and `ADDRESS` return: seq, channel, message.
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
        """Record the recipient of a message of a session of this node, before it is delivered.

        :returns:
            - the recipient; at another attempt that of the first one;
            - None if ``recipient`` is None and there was no earlier attempt;
            - its ``seq`` if the sender's own inbox has it already, where it is published again.
        :raises IdReused: if the key was used for another text or recipient.
        :raises Replaced: if the session has been resumed in a later term.
        """
        noted: int | bytes | list[Any] | None = await self._link.run_script(
            ADDRESS,
            self._keys(session).all(),
            key,
            "" if recipient is None else " ".join(recipient),
            REMEMBERED_IDS,
            self._epochs.new(),
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
    async def read(self, session: str, *, after: int, limit: int) -> LogPage:
        """Return up to ``limit`` messages of an inbox after ``after``."""
        keys = self._keys(session)
        # The script is that of rooms: an inbox is a room without members, at version 0.
        epoch, seq, _, messages, _, _, *written = await self._link.run_script(
            SNAPSHOT, (keys.meta, f"{keys.meta}:members", keys.log), after, limit, 0
        )
        timeline = Timeline.read(*written, server=self._link.replication_id, seq=seq)
        return LogPage(epoch.decode(), seq, only_messages(messages), timeline)

    async def renew_epoch(self, session: str, epoch: str, *, beyond: str) -> None:
        """Begin another epoch in an inbox, as `RoomStore.renew_epoch` does in a room."""
        meta = self._keys(session).meta
        new = continuation(epoch, beyond=beyond) if epoch else self._epochs.new()
        await self._link.run_script(RENEW_EPOCH, (meta,), epoch, new)

    async def move(self, session: str, channel: bytes, *, term: int) -> None:
        """Set the channel on which messages for an inbox are published from now on.

        Earlier ones are in the log. Does nothing if the session was resumed in a later term.
        """
        move = MOVE.command((self._keys(session).meta,), channel, term)
        await self._link.call_all([move, *self._persist(session)])

    async def positions(self, sessions: Sequence[str]) -> list[InboxPosition | None]:
        """Return the positions of inboxes; None for one that another program corrupted."""
        replies = await self._link.try_all(
            [("HMGET", self._keys(session).meta, "epoch", "seq") for session in sessions]
        )
        return [None if isinstance(reply, Refused) else _position(*reply) for reply in replies]

    async def keep(self, sessions: Sequence[str]) -> None:
        """Remove the expiry of inboxes, which nodes of earlier releases set."""
        await self._link.call_all([each for sid in sessions for each in self._persist(sid)])

    def _persist(self, session: str) -> list[Command]:
        return [("PERSIST", key) for key in self._keys(session).all()]

    async def forget(self, sessions: Sequence[str]) -> None:
        """Delete inboxes; for sessions that are over."""
        await self._link.call_all([("UNLINK", *self._keys(session).all()) for session in sessions])


def _position(epoch: bytes | None, seq: bytes | None) -> InboxPosition | None:
    if seq is not None and not (seq.isdigit() and len(seq) < _MOST_DIGITS):
        return None
    return InboxPosition((epoch or b"").decode("utf-8", "replace"), int(seq or 0))
