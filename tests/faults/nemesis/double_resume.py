"""A session is resumed on two nodes at once while its owner talks; one connection must get it."""

from __future__ import annotations

import itertools
import random
import secrets
from collections.abc import AsyncIterator
from typing import Final, TypeVar

import trio

from client.session import CommandError, NotConnected
from client.session.connection import ClientConnection, Closed
from gateway import wire
from gateway.wire.close_codes import REPLACED
from tests.faults.generator import HOME
from tests.faults.history import NickOwnership, RoomMembership, RunHistory, SendOperation
from tests.faults.nemesis.fault import Effect, fault
from tests.faults.system.cluster import ClusterUnderTest
from tests.waiting import until

AFTER_GRACE_SECONDS: Final = 1.0
"""How long after the grace time a node releases what a lost connection held."""
RETRY_SECONDS: Final = 0.05
_SECRET_BYTES: Final = 18

EventT = TypeVar("EventT", bound=wire.Event)

_numbers = itertools.count(1)


class Claimant:
    """One of the connections that want a session: its owner's, or one that resumes it.

    - ``nick``: of the session; empty until this connection was welcomed
    - ``closed``: how the connection ended; None while it is open
    """

    def __init__(self, connection: ClientConnection, name: str, history: RunHistory) -> None:
        self.name = name
        self.nick = ""
        self.closed: Closed | None = None
        self._connection = connection
        self._history = history
        self._ids = (f"{name}-{number}" for number in itertools.count(1))
        self._sent = 0

    async def listen(self) -> None:
        """Read what comes, until the connection ends."""

        async def ignore(_: object) -> None:
            await trio.lowlevel.checkpoint()

        self.closed = await self._connection.hear(ignore)

    async def claim(self, hello: wire.Hello) -> None:
        """Begin or resume the session, enter the room and talk there; may fail at any point."""
        try:
            self.nick = (await self._insist(hello, wire.Welcome)).nick
            await self._insist(wire.Join(id=next(self._ids), room=HOME), wire.Joined)
            await self.talk()
        except (CommandError, NotConnected):
            return  # the session is another connection's

    async def talk(self) -> None:
        """Send one message and record it; raises `CommandError` or `NotConnected`."""
        self._sent += 1
        text = f"{self.name}:{self._sent}"
        send = SendOperation(self.name, self._sent, HOME, text, trio.current_time())
        self._history.room_sends.append(send)
        command = wire.Send(id=text, room=HOME, text=text)
        try:
            send.seq = (await self._insist(command, wire.Sent)).seq
            send.completed_at = trio.current_time()
        except (CommandError, NotConnected) as error:
            send.failure = str(error)
            raise

    async def talk_on(self) -> None:
        """Send one message after the other until the connection ends."""
        try:
            while True:
                await self.talk()
        except (CommandError, NotConnected):
            return

    async def check_session(self) -> None:
        """Record an error unless the session is listed in the room; its nickname must be its own.

        :raises CommandError: if the nickname is not.
        """
        command = wire.Members(id=next(self._ids), room=HOME)
        listed = await self._insist(command, wire.MemberList)
        if self.nick not in {member.nick for member in listed.members}:
            self._history.errors.append(f"{self.name} is not listed in {HOME}")
        await self._insist(wire.Nick(id=next(self._ids), nick=self.nick), wire.Named)

    async def leave(self) -> None:
        """Close the connection with a goodbye; harmless if the node has closed it already."""
        await self._connection.close()

    async def _insist(self, command: wire.Command, answer: type[EventT]) -> EventT:
        """Return the answer to a command, which is repeated while Redis is unavailable."""
        while True:
            try:
                return await self._connection.ask(command, answer)
            except CommandError as error:
                if error.code != "unavailable":
                    raise
            await trio.sleep(RETRY_SECONDS)


@fault()
async def double_resume(cluster: ClusterUnderTest, chance: random.Random) -> AsyncIterator[Effect]:
    """A session is resumed on two nodes at once; its owner's connection is closed."""
    await cluster.ready()
    history = cluster.history
    async with trio.open_nursery() as nursery:
        while (survivor := await _contest(cluster, chance, nursery)) is None:
            pass
        now = trio.current_time()
        membership = RoomMembership(survivor.nick, HOME, now)
        ownership = NickOwnership(survivor.name, survivor.nick, now)
        history.memberships.append(membership)
        history.ownerships.append(ownership)
        yield Effect(f"the session of {survivor.nick}")
        # By then the node that lost has released what it held, and must not release more.
        await trio.sleep(cluster.grace + AFTER_GRACE_SECONDS)
        await survivor.check_session()
        membership.until = ownership.until = trio.current_time()
        await survivor.leave()
        nursery.cancel_scope.cancel()


async def _contest(
    cluster: ClusterUnderTest, chance: random.Random, nursery: trio.Nursery
) -> Claimant | None:
    """Let two connections resume one session; return the one that has it, None if neither has."""
    name, secret = f"contested-{next(_numbers)}", secrets.token_urlsafe(_SECRET_BYTES)
    urls = itertools.cycle(chance.sample(cluster.urls, len(cluster.urls)))
    owner, *rivals = [
        Claimant(
            await ClientConnection.open(nursery, next(urls)), f"{name}-{part}", cluster.history
        )
        for part in ("owner", "one", "two")
    ]
    for claimant in (owner, *rivals):
        nursery.start_soon(claimant.listen)
    await owner.claim(wire.Hello(id="hello", nick=name, session=secret))
    nursery.start_soon(owner.talk_on)
    async with trio.open_nursery() as contest:
        for rival in rivals:
            contest.start_soon(rival.claim, wire.Hello(id="hello", resume=secret))
    welcomed = [rival for rival in rivals if rival.nick]

    async def decided() -> bool:
        await trio.lowlevel.checkpoint()
        return owner.closed is not None and len(_open(welcomed)) <= 1

    if welcomed:
        await until(decided, "all but one of the connections to be closed")
    left = _open(welcomed)
    for claimant in (owner, *rivals):
        if claimant not in left:
            _check_replaced(claimant, cluster.history)
            await claimant.leave()
    return left[0] if left else None


def _open(claimants: list[Claimant]) -> list[Claimant]:
    return [claimant for claimant in claimants if claimant.closed is None]


def _check_replaced(claimant: Claimant, history: RunHistory) -> None:
    """Record an error if a connection was closed for another reason than a newer one."""
    if claimant.closed is not None and claimant.closed.code != REPLACED.code:
        history.errors.append(f"{claimant.name} was closed: {claimant.closed.reason}")
