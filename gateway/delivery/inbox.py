"""From the inbox logs to the sessions of this node: each direct message in order, and once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

import structlog
import trio

from gateway.backplane import Backplane, Retry, Timeline, Unavailable, continues, went_back
from gateway.backplane.inboxes import INBOX_SECONDS, INBOX_SIZE, InboxPage
from gateway.backplane.payloads import (
    DIRECT_MARK,
    NOTE_MARK,
    contradict,
    direct_epoch,
    identity,
    in_epoch,
    message_seq,
    read_marked,
)
from gateway.delivery.agreement import agreed_up_to
from gateway.delivery.follower import Follower, lacks
from gateway.net.websocket import text_frame
from gateway.net.write_buffer import WriteBuffer
from gateway.observability.metrics import Counts
from gateway.wire import Notice, Position, encode

_PAGE: Final = 100
_BATCH: Final = 500
_COMPARED: Final = 50
"""Messages of which it is known afterwards whether Redis lost them."""

log = structlog.get_logger("inbox")


class Inbox(Follower):
    """One session's inbox as this node sees it. Until `Inboxes.begin` everything waits in it."""

    __slots__ = ("position", "sid", "told", "write_buffer")

    def __init__(self, sid: str, write_buffer: WriteBuffer) -> None:
        super().__init__()
        self.sid = sid
        self.write_buffer = write_buffer
        self.position = 0
        """The last message that its client has, or was told that it is missing."""
        self.told: deque[tuple[int, int]] = deque(maxlen=_COMPARED)
        """Those handed on up to there, as their seq and hash: to tell whether Redis has them."""

    def start(self, position: int) -> None:
        """Go on behind a position, with what is held back."""
        self.position = position
        self.sequence.start(position)


class Missed(NamedTuple):
    """What a session that comes back missed: messages up to a position, and whether it is all."""

    position: Position
    messages: list[bytes]
    recovered: bool | None


NOTHING_MISSED: Final = Missed(Position(epoch="", seq=0), [], None)
"""What a new session missed."""


class Inboxes:
    """The inboxes of all sessions of this node.

    An inbox is read from its log whenever something was missed: a jump in ``seq``, a time without
    the subscription, data that Redis lost.
    """

    def __init__(self, backplane: Backplane, counts: Counts) -> None:
        self._backplane = backplane
        self._counts = counts
        self._inboxes: dict[str, Inbox] = {}
        self._missed = trio.Event()
        self._nursery: trio.Nursery | None = None

    async def run(self) -> None:
        """Keep the inboxes; runs for as long as the node does."""
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self._find_missed)
            self._nursery.start_soon(self._keep)

    def open(self, sid: str, write_buffer: WriteBuffer) -> Inbox:
        """Take in what comes for a session, and hold it until `begin`."""
        inbox = self._inboxes[sid] = Inbox(sid, write_buffer)
        inbox.timeline = Timeline((), self._backplane.replication_id)
        return inbox

    async def missed(self, sid: str, since: Position | None, *, term: int) -> Missed:
        """Have a session's inbox come here, and read what was missed since its client saw it.

        ``since`` is None, or its epoch empty, if the client saw nothing of it yet. The caller goes
        on with `take_up` at the position that this gives.

        :raises Unavailable: if Redis does not answer.
        """
        inboxes = self._backplane.inboxes
        await inboxes.move(sid, self._backplane.nodes.channel, term=term)
        seen = since if since is not None and since.epoch else Position(epoch="", seq=0)
        page = await inboxes.read(sid, after=max(0, seen.seq - 1), limit=2 * INBOX_SIZE)
        is_there = seen.seq <= page.seq and not contradict(page.messages, seen)
        recovered = is_there and seen.epoch in {"", page.epoch}
        if not recovered:
            seen = Position(epoch="", seq=0)
            page = await inboxes.read(sid, after=0, limit=2 * INBOX_SIZE)
        messages = [message for message in page.messages if message_seq(message) > seen.seq]
        first = message_seq(messages[0]) if messages else page.seq + 1
        last = message_seq(messages[-1]) if messages else page.seq
        position = Position(epoch=page.epoch, seq=last)
        told = [in_epoch(message, page.epoch) for message in messages]
        return Missed(position, told, recovered and first == seen.seq + 1)

    def take_up(self, sid: str, write_buffer: WriteBuffer) -> Inbox:
        """Take in what comes for a session that was elsewhere, and hold it until `begin`."""
        inbox = self.open(sid, write_buffer)
        inbox.behind = True  # something may have come since what was missed was read
        return inbox

    def begin(self, inbox: Inbox, position: Position) -> None:
        """Hand on everything behind a position, now and from now on."""
        if position.epoch:
            inbox.epoch = position.epoch
        inbox.start(position.seq)
        self._hand_on(inbox)

    def close(self, inbox: Inbox) -> None:
        """Hand on nothing any more."""
        inbox.followed = False
        if self._inboxes.get(inbox.sid) is inbox:
            del self._inboxes[inbox.sid]

    def hear_own(self, payload: bytes, on_other: Callable[[bytes], None]) -> None:
        """Take what is published for this node alone; what is for no session is ``on_other``'s."""
        try:
            if payload.startswith(DIRECT_MARK):
                self.hear(*read_marked(payload))
            elif payload.startswith(NOTE_MARK):
                session, note = read_marked(payload)
                inbox = self._inboxes.get(session)
                if inbox is not None and not inbox.write_buffer.waiting:
                    inbox.write_buffer.write(text_frame(note))
            else:
                on_other(payload)
        except (ValueError, IndexError):
            log.warning("publication not understood", bytes=len(payload))

    def hear(self, sid: str, message: bytes) -> None:
        """Take a message off the subscription; for a session that has gone, its log keeps it."""
        inbox = self._inboxes.get(sid)
        if inbox is None:
            return
        if inbox.belongs_to(direct_epoch(message)):
            inbox.sequence.offer_live(message_seq(message), message)
        else:
            inbox.behind = True
        self._hand_on(inbox)

    def recheck(self, *, doubted: bool = False) -> None:
        """Compare every inbox with its log, after a time in which anything may have been missed.

        ``doubted`` if Redis itself may have lost data since.
        """
        for inbox in self._inboxes.values():
            inbox.sequence.doubted |= doubted and bool(inbox.epoch)
            inbox.sequence.reconnected()
        self._missed.set()

    def _hand_on(self, inbox: Inbox) -> None:
        messages = inbox.sequence.take()
        if messages:
            self._counts.deliveries += len(messages)
            inbox.told.extend((message_seq(m), hash(identity(m))) for m in messages)
            inbox.position = inbox.told[-1][0]
            told = (in_epoch(message, inbox.epoch) for message in messages)
            inbox.write_buffer.write(b"".join(map(text_frame, told)))
        if inbox.sequence.position is None:
            return
        if inbox.behind or inbox.sequence.incomplete or inbox.sequence.suspicious:
            self._catch_up_soon(inbox)

    def _catch_up_soon(self, inbox: Inbox) -> None:
        inbox.behind = True
        if self._nursery is not None:
            inbox.catch_up_in(self._nursery, self._backplane, partial(self._read_on, inbox))

    async def _read_on(self, inbox: Inbox) -> None:
        sequence = inbox.sequence
        seen = sequence.highest
        page = await self._backplane.inboxes.read(
            inbox.sid, after=sequence.position or 0, limit=_PAGE
        )
        if inbox.belongs_to(page.epoch) and not sequence.doubted and page.seq >= seen:
            inbox.timeline = page.timeline
            self._fill(inbox, page.seq, page.messages)
        elif continues(page.epoch, inbox.epoch):
            await self._find_loss(inbox)
        elif not page.epoch:
            await self._backplane.inboxes.renew_epoch(inbox.sid, "", beyond="")
            inbox.behind = True
        else:
            # In a new epoch everything in the log is news.
            self._go_on_after_loss(inbox, page, 0)

    async def _find_loss(self, inbox: Inbox) -> None:
        """Find out how far the log is what was handed on; what is behind that in it is news."""
        first = inbox.told[0][0] if inbox.told else inbox.position + 1
        acknowledged = inbox.acknowledged
        page = await self._backplane.inboxes.read(inbox.sid, after=first - 1, limit=_COMPARED)
        agreed = agreed_up_to(
            inbox.told,
            {message_seq(message): hash(identity(message)) for message in page.messages},
            common=inbox.timeline.common(inbox.position, page.timeline, page.seq),
            position=inbox.position,
            seq=page.seq,
        )
        inbox.behind = True
        gone = agreed < inbox.position or lacks(
            acknowledged, page.timeline, position=inbox.position, seq=page.seq
        )
        if went_back(page.epoch, inbox.epoch) or (page.epoch == inbox.epoch and gone):
            await self._backplane.inboxes.renew_epoch(inbox.sid, page.epoch, beyond=inbox.epoch)
        elif page.epoch != inbox.epoch:
            is_same_log = continues(page.epoch, inbox.epoch)
            self._go_on_after_loss(inbox, page, agreed if is_same_log else 0)
        else:
            # What is held back may have been lost, too; the log has what was not.
            inbox.timeline = page.timeline
            inbox.sequence.restart()
            inbox.start(inbox.position)

    def _go_on_after_loss(self, inbox: Inbox, page: InboxPage, agreed: int) -> None:
        log.warning("redis lost data", inbox=inbox.sid, agreed=agreed)
        inbox.epoch, inbox.timeline, inbox.behind = page.epoch, page.timeline, True
        inbox.loss_told(page.timeline, seq=page.seq)
        inbox.sequence.restart()
        inbox.start(agreed)
        while inbox.told and inbox.told[-1][0] > agreed:
            inbox.told.pop()
        self._tell(inbox, "history_lost", "The server lost direct messages.")

    def _fill(self, inbox: Inbox, last: int, messages: list[bytes]) -> None:
        """Take what the log has; skip, and say so, what it has no more."""
        sequence = inbox.sequence
        position = sequence.position or 0
        first = message_seq(messages[0]) if messages else last + 1
        if first > position + 1:
            inbox.start(first - 1)
            inbox.told.clear()
            self._tell(inbox, "history_gap", "Some direct messages are older than the log.")
        for message in messages:
            sequence.offer(message_seq(message), message)
        self._counts.gaps_filled += bool(messages)
        inbox.behind |= (sequence.position or 0) < last
        self._hand_on(inbox)

    def _tell(self, inbox: Inbox, code: str, text: str) -> None:
        notice = Notice(code=code, message=text, epoch=inbox.epoch, seq=inbox.sequence.position)
        inbox.write_buffer.write(text_frame(encode(notice)))

    async def _find_missed(self) -> None:
        retry = Retry()
        while True:
            await self._missed.wait()
            self._missed = trio.Event()
            inboxes = list(self._inboxes.values())
            try:
                for start in range(0, len(inboxes), _BATCH):
                    await self._compare(inboxes[start : start + _BATCH])
                retry.succeeded()
            except Unavailable as error:
                await self._backplane.wait_connected()
                await trio.sleep(retry.pause(error))
                self._missed.set()  # begin again

    async def _compare(self, inboxes: list[Inbox]) -> None:
        found = await self._backplane.inboxes.positions([inbox.sid for inbox in inboxes])
        for inbox, position in zip(inboxes, found, strict=True):
            if inbox.sequence.doubted or position != (inbox.epoch, inbox.sequence.position):
                inbox.behind = True
                self._hand_on(inbox)

    async def _keep(self) -> None:
        """Let the inboxes that hold something live on for as long as their sessions are here."""
        while True:
            await trio.sleep(INBOX_SECONDS / 4)
            used = [inbox.sid for inbox in self._inboxes.values() if inbox.epoch]
            for start in range(0, len(used), _BATCH):
                try:
                    await self._backplane.inboxes.keep(used[start : start + _BATCH])
                except Unavailable:
                    log.debug("inboxes not kept")
