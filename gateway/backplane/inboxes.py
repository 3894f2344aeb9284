"""The inboxes in Redis: each is a person's log of direct messages.

The *owner* of an inbox is an account or the session of a guest, named as `identity.person_of` says.

- An inbox has no expiry, whatever the clock of Redis does meanwhile.
- That of a guest is deleted when the session is released. Its messages are published to the node
  that has the session.
- That of an account stays for as long as the account. Its messages are published on the account's
  channel; the nodes that have sessions of it are subscribed. It keeps a list of conversations.
- What nobody holds, `gateway.cluster.collector` deletes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from gateway.auth.identity import account_of, is_account_id
from gateway.backplane.account_keys import AccountKeys, account_channel
from gateway.backplane.conversations import (
    MOST_EXAMINED,
    MOST_PEERS,
    PAGE,
    ConversationPage,
    KeptConversation,
    Peer,
    from_person,
    read_conversation,
    with_person,
)
from gateway.backplane.epochs import Epochs, continuation
from gateway.backplane.errors import IdReused, Replaced
from gateway.backplane.incarnation import Incarnation
from gateway.backplane.log_page import LogPage
from gateway.backplane.nicks import Owner
from gateway.backplane.nodes import channel_of
from gateway.backplane.payloads import direct_mark, message_seq, only_messages
from gateway.backplane.redis.errors import Refused, reading
from gateway.backplane.redis.link import Link
from gateway.backplane.redis.scripts import ADDRESS, DELIVER, MOVE, RENEW_EPOCH, SNAPSHOT, Command
from gateway.backplane.timeline import Timeline
from gateway.policy.retention import Retention

INBOX_SIZE: Final = 1000
"""Messages that the log of a guest's inbox keeps, at least, if they fit into its bytes."""
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

    __slots__ = ("ids", "log", "meta", "older_ids", "peers")

    def __init__(self, namespace: str, owner: str) -> None:
        base = f"{namespace}:{{inbox:{owner}}}"
        self.meta = f"{base}:meta"
        self.log = f"{base}:log"
        self.ids = f"{base}:ids"
        self.older_ids = f"{base}:ids:older"
        self.peers = f"{base}:peers"
        """Only in the inbox of an account."""

    def all(self) -> tuple[str, ...]:
        """Return the keys of every inbox, in the order in which scripts expect them."""
        return self.meta, self.log, self.ids, self.older_ids


class InboxStore:
    """The inboxes in Redis.

    Every method raises `Unavailable` if Redis cannot answer. Whether it took effect is then
    unknown; repeating it is safe.
    """

    def __init__(
        self,
        link: Link,
        *,
        namespace: str,
        scope: str,
        incarnation: Incarnation,
        retention: Retention,
    ) -> None:
        self._link = link
        self._retention = retention
        self._namespace = namespace
        self._scope = scope
        self._own_channel = channel_of(scope, incarnation.node).encode()
        self._epochs = Epochs()

    def _keys(self, owner: str) -> InboxKeys:
        return InboxKeys(self._namespace, owner)

    def channel(self, account: str) -> bytes:
        """Return the channel on which an account's messages and events are published."""
        return account_channel(self._scope, account)

    async def deliver(
        self,
        owner: str,
        channel: bytes,
        key: str,
        *,
        mark: bytes,
        tail: bytes,
        digest: str,
        peer: Peer | None = None,
    ) -> int:
        """Log a message in an inbox, and publish it to the nodes that have its owner.

        - ``channel``: where to publish it, unless the inbox was moved and names another one;
        - ``key``: the idempotency key;
        - ``mark``: goes before what is published;
        - ``tail``: the message's JSON without its head (`gateway.backplane.payloads`);
        - ``digest``: of the message, by which another attempt is told from another message;
        - ``peer``: the other person; given if the owner is an account, and only then.

        When it returns, the message is logged and published. Publications of an inbox may arrive in
        another order than the log's, and more than once.

        :returns: its ``seq``; that of the first attempt, if there was one under this key.
        :raises IdReused: if the key was used for another message.
        """
        all_keys, retention = self._keys(owner).all(), self._retention
        messages, log_bytes = INBOX_SIZE, retention.log_bytes
        of_peer: tuple[str | int, ...] = ()
        if peer is not None:
            all_keys = (*all_keys, self._keys(owner).peers)
            messages, log_bytes = retention.account_messages, retention.account_log_bytes
            of_peer = peer.tag, int(peer.incoming), peer.nick, MOST_PEERS
        logged: list[Any] = await self._link.run_script(
            DELIVER,
            all_keys,
            key,
            tail,
            messages,
            REMEMBERED_IDS,
            self._epochs.new(),
            digest,
            self._link.replication_id,
            log_bytes,
            *of_peer,
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
        self, sender: str, key: str, recipient: Owner | None, *, term: int, digest: str
    ) -> int | Owner | None:
        """Record the recipient of a message of somebody on this node, before it is delivered.

        ``sender`` is the owner of the inbox in which that is recorded; ``term`` is compared with
        that of a guest's session alone, since an account may have several.

        :returns:
            - the recipient; at another attempt that of the first one;
            - None if ``recipient`` is None and there was no earlier attempt;
            - its ``seq`` if the sender's own inbox has it already, where it is published again.
        :raises IdReused: if the key was used for another text or recipient.
        :raises Replaced: if the session has been resumed in a later term.
        """
        noted: int | bytes | list[Any] | None = await self._link.run_script(
            ADDRESS,
            self._keys(sender).all(),
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
        channel = self.channel(sender) if is_account_id(sender) else self._own_channel
        return await self._publish(noted, channel, direct_mark(sender))

    @reading
    async def read(self, owner: str, *, after: int | None, limit: int) -> LogPage:
        """Return up to ``limit`` messages of an inbox after ``after``, or the newest if None."""
        keys = self._keys(owner)
        # The script is that of rooms: an inbox is a room without members, at version 0.
        epoch, seq, _, messages, _, _, *written = await self._link.run_script(
            SNAPSHOT,
            (keys.meta, f"{keys.meta}:members", keys.log),
            -1 if after is None else after,
            limit,
            0,
        )
        timeline = Timeline.read(*written, server=self._link.replication_id, seq=seq)
        return LogPage(epoch.decode(), seq, only_messages(messages), timeline)

    async def renew_epoch(self, owner: str, epoch: str, *, beyond: str) -> None:
        """Begin another epoch in an inbox, as `RoomStore.renew_epoch` does in a room."""
        meta = self._keys(owner).meta
        new = continuation(epoch, beyond=beyond) if epoch else self._epochs.new()
        await self._link.run_script(RENEW_EPOCH, (meta,), epoch, new)

    async def move(self, session: str, channel: bytes, *, term: int) -> None:
        """Set the channel on which messages for a guest's inbox are published from now on.

        Earlier ones are in the log. Does nothing if the session was resumed in a later term.
        """
        move = MOVE.command((self._keys(session).meta,), channel, term)
        await self._link.call_all([move, *self._persist(session)])

    async def positions(self, owners: Sequence[str]) -> list[InboxPosition | None]:
        """Return the positions of inboxes; None for one that another program corrupted."""
        replies = await self._link.try_all(
            [("HMGET", self._keys(owner).meta, "epoch", "seq") for owner in owners]
        )
        return [None if isinstance(reply, Refused) else _position(*reply) for reply in replies]

    # --- conversations ------------------------------------------------------------------------

    @reading
    async def conversations(self, account: str) -> list[KeptConversation]:
        """Return the conversations of an account, the one with the newest message first."""
        flat: list[bytes] = await self._link.call("HGETALL", self._keys(account).peers)
        read = map(read_conversation, flat[::2], flat[1::2])
        return sorted(filter(None, read), key=lambda each: -each.last_seq)

    @reading
    async def conversation(self, account: str, tag: str) -> KeptConversation | None:
        """Return one conversation of an account; None if it has none with this person."""
        kept: bytes | None = await self._link.call("HGET", self._keys(account).peers, tag)
        return None if kept is None else read_conversation(tag.encode(), kept)

    @reading
    async def history_with(
        self, account: str, tag: str, before: int | None, limit: int
    ) -> ConversationPage:
        """Return the last ``limit`` messages with a person before seq ``before``, or the newest.

        - ``limit`` is at least 1.
        - Of the whole inbox `MOST_EXAMINED` messages are read, at most: a page that is not the last
          may have fewer messages than asked for, or none.
        """
        if before is None:
            known = await self.conversation(account, tag)
            before = None if known is None else known.last_seq + 1
        log, found = self._keys(account).log, list[bytes]()  # the newest first
        for _ in range(MOST_EXAMINED // PAGE):
            top = "+" if before is None else f"({before}-0"
            entries = await self._link.call("XREVRANGE", log, top, "-", "COUNT", PAGE)
            messages = only_messages([fields[1] for _, fields in entries])
            found += with_person(messages, tag)
            if len(found) >= limit:
                found = found[:limit]
                return ConversationPage(found[::-1], message_seq(found[-1]))
            if len(entries) < PAGE:
                return ConversationPage(found[::-1], None)
            before = _seq_of(entries[-1][0])
        return ConversationPage(found[::-1], before)

    @reading
    async def count_incoming(self, account: str, tag: str, seq: int) -> int:
        """Return how many messages a person has sent to an account up to ``seq``.

        - Messages that the log has dropped are counted.
        - If more than `MOST_EXAMINED` messages of the inbox are after ``seq``, less may be
          returned, as if the older of those were all from this person.
        """
        known = await self.conversation(account, tag)
        if known is None:
            return 0
        # What arrives from now on is after this one, and not among those counted.
        log, last, after = self._keys(account).log, f"{known.last_seq}-0", 0
        oldest = known.last_seq
        for _ in range(MOST_EXAMINED // PAGE):
            entries = await self._link.call("XREVRANGE", log, last, f"({seq}-0", "COUNT", PAGE)
            messages = only_messages([fields[1] for _, fields in entries])
            after += len(from_person(messages, tag))
            if len(entries) < PAGE:
                return max(0, known.incoming - after)
            oldest = _seq_of(entries[-1][0])
            last = f"({oldest}-0"
        return max(0, known.incoming - after - (oldest - seq - 1))

    # --- owners -------------------------------------------------------------------------------

    async def keep(self, sessions: Sequence[str]) -> None:
        """Remove the expiry of guests' inboxes, which nodes of earlier releases set."""
        await self._link.call_all([each for sid in sessions for each in self._persist(sid)])

    def _persist(self, session: str) -> list[Command]:
        return [("PERSIST", key) for key in self._keys(session).all()]

    async def forget(self, sessions: Sequence[str]) -> None:
        """Delete the inboxes of sessions that are over; those of accounts stay."""
        await self.delete([session for session in sessions if not account_of(session)])

    async def delete(self, owners: Sequence[str]) -> None:
        """Delete inboxes, of guests whose sessions are over and of accounts that are no more."""
        keys = map(self._keys, owners)
        await self._link.call_all([("UNLINK", *each.all(), each.peers) for each in keys])

    @reading
    async def accounts_among(self, accounts: Collection[str]) -> frozenset[str]:
        """Return those of these accounts that there are."""
        ids = list(accounts)
        found: list[int] = await self._link.call_all(
            [("EXISTS", AccountKeys(self._namespace, account).meta) for account in ids]
        )
        return frozenset(account for account, exists in zip(ids, found, strict=True) if exists)


def _seq_of(entry: bytes) -> int:
    """Return the seq in the id of an entry of a log."""
    return int(entry.partition(b"-")[0])


def _position(epoch: bytes | None, seq: bytes | None) -> InboxPosition | None:
    if seq is not None and not (seq.isdigit() and len(seq) < _MOST_DIGITS):
        return None
    return InboxPosition((epoch or b"").decode("utf-8", "replace"), int(seq or 0))
