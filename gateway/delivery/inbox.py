"""Inboxes: delivers direct messages to the sessions of this node, each once, in order.

The owner of an inbox is an account or the session of a guest. The sessions of an account read one
inbox: each has a follower of its own, since their clients have seen different parts of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import structlog
import trio

from gateway.auth.identity import account_of, person_of
from gateway.backplane import Backplane, Retry, Timeline, Unavailable
from gateway.backplane.inboxes import INBOX_SIZE
from gateway.backplane.payloads import (
    DIRECT_MARK,
    NOTE_MARK,
    contradict,
    direct_epoch,
    in_epoch,
    message_id,
    message_seq,
    read_marked,
    shorten,
)
from gateway.delivery.account_channels import AccountChannels
from gateway.delivery.history import newest_within, oldest_within
from gateway.delivery.known_senders import KnownSenders
from gateway.delivery.log_follower import LogFollower
from gateway.delivery.log_memory import LogMemory
from gateway.delivery.log_reader import LogReader
from gateway.delivery.log_states import Gap, Loss, Read
from gateway.net.websocket import text_frame
from gateway.net.write_buffer import WriteBuffer
from gateway.observability.metrics import Counts
from gateway.wire import Notice, Position, encode

_BATCH: Final = 500
"""Inboxes whose positions are read, or that are kept, with one call."""
_KEEP_SECONDS: Final = 900.0
"""Seconds between two rounds in which inboxes are kept: nodes of earlier releases, which may be
beside this one, give an inbox to which they write an hour."""

log = structlog.get_logger("inbox")


class Inbox:
    """The inbox of one session on this node. Nothing is delivered until `Inboxes.begin`."""

    __slots__ = ("heard_from", "log", "opened_under", "owner", "sid", "write_buffer")

    def __init__(self, sid: str, write_buffer: WriteBuffer, *, opened_under: str) -> None:
        self.sid = sid
        self.owner = person_of(sid)
        self.write_buffer = write_buffer
        self.opened_under = opened_under
        """The replication id of Redis when it was opened."""
        self.log = LogFollower(LogMemory(shorten))
        self.heard_from = KnownSenders()

    def deliver(self) -> int:
        """Send the client the messages that are due; return their number."""
        messages = self.log.take()
        if messages:
            epoch = self.log.epoch
            self.heard_from.note(messages)
            frames = [text_frame(in_epoch(message, epoch)) for message in messages]
            self.write_buffer.write(b"".join(frames))
        return len(messages)

    def notify(self, code: str, text: str, seq: int) -> None:
        """Send the client a notice about its inbox at ``seq``."""
        notice = Notice(code=code, message=text, epoch=self.log.epoch, seq=seq)
        self.write_buffer.write(text_frame(encode(notice)))


class Missed(NamedTuple):
    """What a session missed: messages up to a position; whether these are all of them.

    - ``recovered`` is None for a new session.
    - ``timeline`` is that of the log as it was read; None if it was not.
    """

    position: Position
    messages: list[bytes]
    recovered: bool | None
    timeline: Timeline | None = None

    def first(self, size: int) -> Missed:
        """Return what of it one answer of ``size`` bytes holds.

        If that is not all, the rest is to be delivered after it; or, where messages are missing
        already, the oldest are left out.
        """
        if not self.recovered:
            return self._replace(messages=newest_within(self.messages, size))
        messages = oldest_within(self.messages, size)
        if len(messages) == len(self.messages):
            return self
        last = messages[-1]
        position = Position(self.position.epoch, message_seq(last), message_id(last))
        return self._replace(messages=messages, position=position)


NOTHING_MISSED: Final = Missed(Position(epoch="", seq=0), [], None)
"""What a new session of a guest missed."""


class Inboxes:
    """The inboxes of all sessions of this node."""

    def __init__(self, backplane: Backplane, counts: Counts, accounts: AccountChannels) -> None:
        self._backplane = backplane
        self._counts = counts
        self._accounts = accounts
        self._inboxes: dict[str, tuple[Inbox, ...]] = {}
        """By owner: one of a guest, one for each session of an account that is here."""
        self._reader: LogReader[Inbox] = LogReader(self, wait_connected=backplane.wait_connected)
        self._may_be_behind = trio.Event()

    async def run(self) -> None:
        """Keep the inboxes up to date, and in Redis; runs for as long as the node does."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._reader.run)
            nursery.start_soon(self._find_behind)
            nursery.start_soon(self._keep)

    # --- sessions -----------------------------------------------------------------------------

    @property
    def all(self) -> list[Inbox]:
        """Every open inbox."""
        return [inbox for inboxes in self._inboxes.values() for inbox in inboxes]

    def open(self, sid: str, write_buffer: WriteBuffer) -> Inbox:
        """Open a session's inbox on this node; nothing is delivered until `begin`.

        That of an account holds the account's channel until it is closed.
        """
        inbox = Inbox(sid, write_buffer, opened_under=self._backplane.replication_id)
        if account := account_of(sid):
            self._accounts.hold(account)
        others = self._inboxes.get(inbox.owner, ())
        for former in [other for other in others if other.sid == sid]:
            self._remove(former)  # of another connection, which is being closed
        self._inboxes[inbox.owner] = (*self._inboxes.get(inbox.owner, ()), inbox)
        return inbox

    async def newest(self, inbox: Inbox) -> Missed:
        """Return where the new session of an account begins: at the end of the log.

        Call `begin` next. The client gets the position in its ``welcome``, so that it can say where
        to go on when it resumes the session.

        :raises Unavailable: if Redis does not answer, or the account's channel is not subscribed.
        """
        await self._accounts.subscribe(inbox.owner)
        page = await self._backplane.inboxes.read(inbox.owner, after=None, limit=1)
        last_id = next((message_id(m) for m in page.messages if message_seq(m) == page.seq), None)
        position = Position(epoch=page.epoch, seq=page.seq, id=last_id)
        return Missed(position, [], None, page.timeline)

    async def missed(self, sid: str, since: Position | None, *, term: int) -> Missed:
        """Move a session's inbox to this node, and return what its client has missed.

        - ``since`` is None, or its epoch empty, if the client has seen nothing of the inbox.
        - Of an account that cannot go on from there, only the newest messages are returned.

        Call `open_resumed` next, and then `begin`.

        :raises Unavailable: if Redis does not answer.
        """
        inboxes, owner = self._backplane.inboxes, person_of(sid)
        if owner == sid:
            await inboxes.move(sid, self._backplane.nodes.channel, term=term)
        seen = since if since is not None and since.epoch else Position(epoch="", seq=0)
        page = await inboxes.read(owner, after=max(0, seen.seq - 1), limit=2 * INBOX_SIZE)
        is_there = seen.seq <= page.seq and not contradict(page.messages, seen)
        recovered = is_there and seen.epoch in {"", page.epoch}
        if not recovered:
            seen = Position(epoch="", seq=0)
            oldest = 0 if owner == sid else max(0, page.seq - INBOX_SIZE)
            page = await inboxes.read(owner, after=oldest, limit=2 * INBOX_SIZE)
        messages = [message for message in page.messages if message_seq(message) > seen.seq]
        first = message_seq(messages[0]) if messages else page.seq + 1
        last = message_seq(messages[-1]) if messages else page.seq
        last_id = next((message_id(m) for m in page.messages if message_seq(m) == last), None)
        position = Position(epoch=page.epoch, seq=last, id=last_id)
        encoded = [in_epoch(message, page.epoch) for message in messages]
        is_whole = recovered and first == seen.seq + 1
        return Missed(position, encoded, is_whole, page.timeline)

    def open_resumed(self, sid: str, write_buffer: WriteBuffer) -> Inbox:
        """Open the inbox of a resumed session, after `missed`."""
        inbox = self.open(sid, write_buffer)
        inbox.log.missed()  # more may have been delivered since then
        return inbox

    def begin(self, inbox: Inbox, missed: Missed) -> None:
        """Deliver everything after what a session missed, now and from now on."""
        timeline = missed.timeline or Timeline((), inbox.opened_under)
        inbox.log.start(missed.position.epoch, missed.position.seq, timeline)
        self._deliver(inbox)

    def close(self, inbox: Inbox) -> None:
        """Stop delivering."""
        inbox.log.close()
        self._remove(inbox)

    def _remove(self, inbox: Inbox) -> None:
        before = self._inboxes.get(inbox.owner, ())
        left = tuple(other for other in before if other is not inbox)
        if len(left) == len(before):
            return
        if left:
            self._inboxes[inbox.owner] = left
        else:
            del self._inboxes[inbox.owner]
        if account := account_of(inbox.sid):
            self._accounts.release(account)

    # --- what is published --------------------------------------------------------------------

    def receive_marked(self, payload: bytes, on_other: Callable[[bytes], None]) -> None:
        """Process what is published for this node or for an account that has sessions here.

        What is no message and no note is passed to ``on_other``.
        """
        try:
            if payload.startswith(DIRECT_MARK):
                self.receive(*read_marked(payload))
            elif payload.startswith(NOTE_MARK):
                owner, note = read_marked(payload)
                for inbox in self._inboxes.get(owner, ()):
                    if not inbox.write_buffer.waiting:
                        inbox.write_buffer.write(text_frame(note))
            else:
                on_other(payload)
        except (ValueError, IndexError):
            log.warning("publication not understood", bytes=len(payload))

    def receive(self, owner: str, message: bytes) -> None:
        """Process a published direct message; if its owner is not here, the log has it."""
        for inbox in self._inboxes.get(owner, ()):
            if inbox.log.belongs_to(direct_epoch(message)):
                inbox.log.live(message_seq(message), message)
            self._deliver(inbox)

    def recheck(self, *, unverified: bool = False) -> None:
        """Compare every inbox with its log, since messages may have been missed.

        With ``unverified``, also for messages that Redis may have lost.
        """
        for inbox in self.all:
            if unverified:
                inbox.log.mark_unverified()
            inbox.log.resubscribed()
        self._may_be_behind.set()

    def _deliver(self, inbox: Inbox) -> None:
        self._counts.deliveries += inbox.deliver()
        self._reader.read_if_behind(inbox)

    # --- the logs -----------------------------------------------------------------------------

    async def read(self, inbox: Inbox, request: Read) -> None:
        """Read what is requested, and deliver what is ready then.

        Waits until the client has read what was sent to it before. That of an account is read only
        once its channel is subscribed, so that no message falls in between.
        """
        await inbox.write_buffer.drained()
        if inbox.owner != inbox.sid:
            await self._accounts.subscribe(inbox.owner)
        page = await self._backplane.inboxes.read(
            inbox.owner, after=request.after, limit=request.limit
        )
        outcome = inbox.log.take_page(request, page)
        if isinstance(outcome, Loss):
            log.warning("redis lost data", inbox=inbox.owner, agreed=outcome.agreed)
            inbox.notify("history_lost", "The server lost direct messages.", outcome.agreed)
        elif isinstance(outcome, Gap):
            text = "Some direct messages are older than the log."
            inbox.notify("history_gap", text, outcome.up_to)
        self._counts.gaps_filled += inbox.log.due
        self._deliver(inbox)

    async def renew_epoch(self, inbox: Inbox, epoch: str, *, beyond: str) -> None:
        """Change the epoch of an inbox from ``epoch`` to one later than it and ``beyond``."""
        await self._backplane.inboxes.renew_epoch(inbox.owner, epoch, beyond=beyond)

    async def _find_behind(self) -> None:
        """Whenever inboxes may be behind, read all positions, and then the logs that are ahead."""
        retry = Retry()
        while True:
            await self._may_be_behind.wait()
            self._may_be_behind = trio.Event()
            inboxes = self.all
            try:
                for start in range(0, len(inboxes), _BATCH):
                    await self._compare(inboxes[start : start + _BATCH])
                retry.succeeded()
            except Unavailable as error:
                await self._backplane.wait_connected()
                await trio.sleep(retry.pause(error))
                self._may_be_behind.set()  # begin again

    async def _compare(self, inboxes: list[Inbox]) -> None:
        positions = await self._backplane.inboxes.positions([inbox.owner for inbox in inboxes])
        for inbox, position in zip(inboxes, positions, strict=True):
            if position != (inbox.log.epoch, inbox.log.frontier):
                inbox.log.missed()
            self._reader.read_if_behind(inbox)

    async def _keep(self) -> None:
        """Keep guests' inboxes with messages in Redis while their sessions are here."""
        while True:
            await trio.sleep(_KEEP_SECONDS)
            used = [i.sid for i in self.all if i.log.epoch and not account_of(i.sid)]
            for start in range(0, len(used), _BATCH):
                try:
                    await self._backplane.inboxes.keep(used[start : start + _BATCH])
                except Unavailable:
                    log.debug("inboxes not kept")
