"""Clients that come, talk, move between rooms and go, and write down all they see."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import trio

from client.i18n.server_texts import CLOSINGS
from client.session import (
    CannotConnect,
    CommandError,
    Connected,
    Disconnected,
    Ended,
    Rejoined,
    open_session,
)
from client.session import (
    ClientSession as Session,
)
from client.session import (
    NotConnected as ConnectionLost,
)
from gateway import wire
from gateway.closing import REPLACED
from tests.faults.history import (
    NOT_RECOVERED,
    Ending,
    History,
    Hole,
    Listing,
    Logged,
    Presence,
    Sending,
    Stay,
    Tenure,
)
from tests.faults.inbox import Inbox

PAUSE: Final = (0.15, 0.45)
LOUD_CHARS: Final = 4000
MOST_IN_FLIGHT: Final = 20
RETRY_SECONDS: Final = 0.5
PAGE: Final = 200

_URL: Final = re.compile(r"ws://\S+ ")
_REFUSED: Final = (CommandError, ConnectionLost)


def _padded(text: str, size: int) -> str:
    """Give a message of this size, or as long as it is."""
    return f"{text} ".ljust(size, ".") if len(text) < size else text


def _said_in(message: wire.Message) -> str:
    """Return what was said, which is the message's id, too, for when it is erased."""
    return message.id if message.erased else _unpadded(message.text)


def _unpadded(text: str) -> str:
    """Give what is said, if that came whole; else all of it, which nobody said."""
    said, _, rest = text.partition(" ")
    return said if text == _padded(said, LOUD_CHARS if rest else 0) else text


class Client:
    """One person, over as many sessions as it takes.

    It is in ``home`` whenever it is there at all, and in the other rooms at times.
    """

    def __init__(
        self,
        name: str,
        urls: Sequence[str],
        rooms: Sequence[str],
        history: History,
        *,
        seed: str,
        is_loud: Callable[[], bool],
        people: Sequence[Client],
    ) -> None:
        """Be somebody among ``people``; while ``is_loud``, say very much."""
        self.name = name
        self._people = people
        self._is_loud = is_loud
        self._urls = urls
        self._rooms = rooms
        self._home = rooms[0]
        self._history = history
        self._chance = random.Random(seed)
        self._sessions = 0
        self._number = 0
        self._acknowledged = Counter[str]()
        self._silent = False
        """Whether it has said and done all that it does in this session."""
        self._stays: dict[str, Stay] = {}
        self._early: dict[str, list[tuple[int, str, float]]] = {}
        self._presences: dict[str, Presence] = {}
        self._tenure: Tenure | None = None
        self._inbox = Inbox(name, history)
        self._news = trio.lowlevel.ParkingLot()
        self._nick = name
        self.in_flight = 0
        self.session: Session | None = None
        self.is_rivalled = False
        """Whether others take its session up on purpose: it may end for that."""

    @property
    def home(self) -> str:
        """The room that it is in whenever it is there."""
        return self._home

    @property
    def history(self) -> History:
        """Where all that it does is written down."""
        return self._history

    # --- living -------------------------------------------------------------------------------

    async def run(self, talked: trio.Event, finish: trio.Event) -> None:
        """Talk until ``talked``; then be there, listening only, until ``finish``."""
        while not finish.is_set():
            try:
                async with open_session(self._urls, nick=self._nick) as session:
                    self._sessions += 1
                    try:
                        async with trio.open_nursery() as nursery:
                            nursery.start_soon(self._listen, session, nursery)
                            await self._live(session, nursery, talked, finish)
                            nursery.cancel_scope.cancel()
                    finally:
                        self._go()
            except CannotConnect:
                await trio.sleep(RETRY_SECONDS)
            except CommandError as error:
                if error.code == "nick_taken":
                    self._nick = f"{self.name}-{self._chance.randrange(1_000_000)}"
                await trio.sleep(RETRY_SECONDS)
            self.session = None

    async def _live(
        self, session: Session, nursery: trio.Nursery, talked: trio.Event, finish: trio.Event
    ) -> None:
        while not await self._enter(session, self._home):
            if finish.is_set():
                return
            await trio.sleep(RETRY_SECONDS)
        self.session = session
        while await self._has_a_turn(talked):
            match self._chance.random():
                case _ if self._is_loud():
                    self._speak(self._home, session, nursery)
                case dice if dice < 0.01:
                    await self._finish_sending()
                    return
                case dice if dice < 0.06:
                    await self._move(session)
                case dice if dice < 0.12:
                    await self._list(session, self._home)
                case dice if dice < 0.37:
                    self._write(session, nursery)
                case _ if self._stays:
                    self._speak(self._chance.choice(list(self._stays)), session, nursery)
        self._silent = True
        await finish.wait()

    async def _has_a_turn(self, talked: trio.Event) -> bool:
        """Wait until it may talk again; False once all have talked enough.

        Who is loud says as much as is answered, so that no machine is too slow for it.
        """
        pause = 0.0 if self._is_loud() else self._chance.uniform(*PAUSE)
        with trio.move_on_after(pause):
            await talked.wait()
        await self._until(lambda: self.in_flight < MOST_IN_FLIGHT or talked.is_set())
        return not talked.is_set()

    async def talk_on(self, times: int) -> None:
        """Wait until so many more of its messages in rooms are answered, and one to a person."""
        enough = self._acknowledged + Counter(room=times, person=min(1, times))
        await self._until(lambda: self._acknowledged >= enough)

    async def _finish_sending(self) -> None:
        while self.in_flight:
            await self._news.park()

    # --- talking ------------------------------------------------------------------------------

    def _speak(self, room: str, session: Session, nursery: trio.Nursery) -> None:
        """Say something in a room."""
        sending = self._sending_to(room)
        text = _padded(sending.text, LOUD_CHARS if self._is_loud() else 0)
        self._history.sendings.append(sending)
        nursery.start_soon(
            self._send, "room", sending, partial(session.send, room, text, message_id=sending.text)
        )

    def _write(self, session: Session, nursery: trio.Nursery) -> None:
        """Say something to somebody else alone."""
        others = [p.session.nick for p in self._people if p is not self and p.session is not None]
        if others:
            sending = self._sending_to(self._chance.choice(others))
            self._history.directs.append(sending)
            write = partial(session.direct, sending.room, sending.text, message_id=sending.text)
            nursery.start_soon(self._send, "person", sending, write)

    def _sending_to(self, place: str) -> Sending:
        self._number += 1
        self.in_flight += 1
        text = f"{self.name}:{self._number}"
        return Sending(self.name, self._number, place, text, trio.current_time())

    async def _send(self, to: str, sending: Sending, send: Callable[[], Awaitable[int]]) -> None:
        try:
            sending.seq = await send()
            sending.answered_at = trio.current_time()
            self._acknowledged[to] += 1
        except _REFUSED as error:
            sending.failure = str(error)
        finally:
            self.in_flight -= 1
            self._news.unpark_all()

    async def _move(self, session: Session) -> None:
        room = self._chance.choice(self._rooms[1:])
        if room not in self._stays:
            await self._enter(session, room)
            return
        await self._finish_sending()
        try:
            await session.leave(room)
        except _REFUSED:
            return  # not known whether; it stays one of this session's rooms
        self._depart(room)

    async def _enter(self, session: Session, room: str) -> bool:
        try:
            joined = await session.join(room)
        except _REFUSED:
            return False
        self._begin_stay(room, joined.epoch, joined.seq)
        nick = session.nick
        presence = Presence(nick, room, trio.current_time())
        self._presences[room] = presence
        self._history.presences.append(presence)
        return True

    async def _list(self, session: Session, room: str) -> None:
        asked_at = trio.current_time()
        try:
            listed = await session.members(room)
        except _REFUSED:
            return
        nicks = frozenset(member.nick for member in listed.members)
        self._history.listings.append(Listing(self.name, room, asked_at, nicks))

    # --- listening ----------------------------------------------------------------------------

    async def _listen(self, session: Session, nursery: trio.Nursery) -> None:
        async for event in session.events:
            now = trio.current_time()
            match event:
                case wire.Message():
                    self._hear(event, now)
                case Rejoined(joined):
                    self._rejoined(joined, now)
                case wire.Notice(code="history_gap" | "history_lost", room=str(room)):
                    self._hole(room, event.code, event.epoch or "", event.seq or 0, now)
                case wire.DirectMessage() | wire.Notice(code="history_gap" | "history_lost"):
                    self._inbox.take(event, now)
                case Connected(nick=nick):
                    self._inbox.connected(event, now)
                    self._tenure = Tenure(self.name, nick, now)
                    self._history.tenures.append(self._tenure)
                case Disconnected(reason=reason):
                    self._history.closed[_URL.sub("", reason)] += 1
                    self._inbox.disconnected()
                    self._lose_nick()
                case Ended(reason):
                    if not (self.is_rivalled and reason == CLOSINGS[REPLACED.code]):
                        self._history.endings.append(Ending(self.name, reason, now))
                    nursery.cancel_scope.cancel()
            self._news.unpark_all()

    def _go(self) -> None:
        self._silent = False
        for room in list(self._stays):
            self._depart(room)
        self._inbox.end(trio.current_time())
        self._lose_nick()

    def _hear(self, message: wire.Message, now: float) -> None:
        heard = (message.seq, _said_in(message), now)
        stay = self._stays.get(message.room)
        if stay is None:
            self._early.setdefault(message.room, []).append(heard)  # its join's answer is to come
        elif message.seq > stay.since:
            stay.heard.append(heard)

    def _rejoined(self, joined: wire.Joined, now: float) -> None:
        if joined.recovered:
            for message in joined.messages:
                self._hear(message, now)
        else:
            self._hole(joined.room, NOT_RECOVERED, joined.epoch, joined.seq, now)

    def _hole(self, room: str, why: str, epoch: str, seq: int, now: float) -> None:
        stay = self._stays.get(room)
        after = stay.heard[-1][0] if stay and stay.heard else stay.since if stay else 0
        hole = Hole(self.name, room, why, epoch, after, seq, now)
        self._history.holes.append(hole)
        if stay is not None:
            stay.hole, stay.ended = hole, now
        self._begin_stay(room, epoch, seq)

    def _begin_stay(self, room: str, epoch: str, seq: int) -> None:
        early = [heard for heard in self._early.pop(room, []) if heard[0] > seq]
        stay = Stay(self.name, room, epoch, seq, trio.current_time(), early)
        self._stays[room] = stay
        self._history.stays.append(stay)

    def _depart(self, room: str) -> None:
        self._early.pop(room, None)
        self._stays.pop(room).ended = self._presences.pop(room).until = trio.current_time()

    def _lose_nick(self) -> None:
        if self._tenure is not None:
            self._tenure.until = trio.current_time()
            self._tenure = None

    # --- the end ------------------------------------------------------------------------------

    async def attend(self) -> None:
        """Be there, with every answer in and in every room; nothing is said from here on."""
        while True:
            await self._until(lambda: self._silent and not self.in_flight)
            missing = [room for room in self._rooms if room not in self._stays]
            if not missing:
                return
            for room in missing:
                # A session that is over is followed by another one.
                if self.session is not None:
                    await self._enter(self.session, room)
            await trio.sleep(RETRY_SECONDS)

    async def read_logs(self) -> None:
        """Read every room from its first message to its last, and what its node has at hand."""
        assert self.session is not None
        readable = self._history.readable
        for room in self._stays:
            messages: list[Logged] = []
            before: int | None = None
            more = True
            while more:
                page = await self.session.history(room, before=before, limit=PAGE)
                readable |= {_said_in(m) for m in page.messages if not m.erased}
                messages = [(m.seq, _said_in(m)) for m in page.messages] + messages
                before, more = messages[0][0] if messages else None, page.more
            self._history.logs[self.name, room] = messages
            at_hand = (await self.session.join(room)).messages
            readable |= {_said_in(m) for m in at_hand if not m.erased}

    async def hear_all(self) -> None:
        """Wait until the last messages have come; it is judged whether all did."""
        for stay in self._stays.values():
            stay.kept = True
        self._inbox.keep()
        for room, stay in self._stays.items():
            log = self._history.logs.get((self.name, room), [])
            last = max((seq for seq, _ in log), default=0)
            await self._until(partial(self._has, stay, last))
        await self._until(self._inbox.is_complete)

    @staticmethod
    def _has(stay: Stay, last: int) -> bool:
        return last <= stay.since or any(seq == last for seq, _, _ in stay.heard)

    async def list_all(self, everybody: frozenset[str], patience: float) -> None:
        """List every room, again and again until it is as it should be or patience ends."""
        assert self.session is not None
        give_up = trio.current_time() + patience
        for room in self._stays:
            while True:
                asked_at = trio.current_time()
                listed = await self.session.members(room)
                nicks = frozenset(member.nick for member in listed.members)
                if nicks == everybody or trio.current_time() > give_up:
                    break
                await trio.sleep(RETRY_SECONDS)
            self._history.listings.append(Listing(self.name, room, asked_at, nicks, final=True))

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            with trio.move_on_after(RETRY_SECONDS):
                await self._news.park()
