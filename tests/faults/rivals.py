"""Somebody's session is taken up on two nodes at once, while they talk; one of the two has it."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import trio

from client.session import CommandError
from client.session import NotConnected as ConnectionLost
from client.session.connection import ClientConnection as Connection
from client.session.connection import Closed
from gateway import wire
from gateway.closing import REPLACED
from tests.faults.cluster import Struck
from tests.faults.history import Presence, Sending, Tenure
from tests.faults.workload import Client
from tests.harness import until

AFTER_GRACE: Final = 1.0
"""Seconds behind the grace in which a node gives back what was parked there."""
RETRY_SECONDS: Final = 0.05

OkT = TypeVar("OkT", bound=wire.Event)

_numbers = itertools.count(1)


class Rival:
    """One of the connections that take a session up; it is named after whose it was."""

    def __init__(self, connection: Connection, person: Client) -> None:
        self.name = f"{person.name}-rival-{next(_numbers)}"
        self.nick = ""
        self.closed: Closed | None = None
        self._connection = connection
        self._room = person.home
        self._history = person.history
        self._ids = (f"{self.name}-{number}" for number in itertools.count(1))

    async def hear(self) -> None:
        """Read what comes, until the connection ends."""
        self.closed = await self._connection.hear(self._pass_over)

    @staticmethod
    async def _pass_over(_: object) -> None:
        await trio.lowlevel.checkpoint()

    async def take_up(self, secret: str) -> None:
        """Take the session up, enter the room and talk there, as far as that goes."""
        said = Sending(self.name, 1, self._room, f"{self.name}:1", trio.current_time())
        try:
            hello = wire.Hello(id=next(self._ids), resume=secret)
            self.nick = (await self._insist(hello, wire.Welcome)).nick
            await self._insist(wire.Join(id=next(self._ids), room=self._room), wire.Joined)
            self._history.sendings.append(said)
            send = wire.Send(id=next(self._ids), room=said.room, text=said.text)
            # When, is not noted: it tells nothing of how soon the people there were well again.
            said.seq = (await self._insist(send, wire.Sent)).seq
        except (CommandError, ConnectionLost) as error:
            said.failure = str(error)

    async def _insist(self, command: wire.Command, answer: type[OkT]) -> OkT:
        while True:
            try:
                return await self._connection.ask(command, answer)
            except CommandError as error:
                if error.code != "unavailable":
                    raise
            await trio.sleep(RETRY_SECONDS)

    async def prove(self) -> None:
        """See that the session is listed in the room, and that its nickname is its own."""
        listed = await self._insist(
            wire.Members(id=next(self._ids), room=self._room), wire.MemberList
        )
        if self.nick not in {member.nick for member in listed.members}:
            self._history.complaints.append(f"{self.name} is not listed in {self._room}")
        rename = wire.Nick(id=next(self._ids), nick=self.nick)
        await self._insist(rename, wire.Named)

    async def leave(self) -> None:
        """Say goodbye; harmless if the node has closed the connection already."""
        await self._connection.close()


@asynccontextmanager
async def double_resume(struck: Struck, chance: random.Random) -> AsyncIterator[str]:
    """Somebody's session is taken up on two nodes at once; their own connection is closed."""
    await struck.ready()
    async with trio.open_nursery() as nursery:
        while (found := await _fight(struck, chance, nursery)) is None:
            pass
        person, survivor = found
        history = person.history
        now = trio.current_time()
        presence = Presence(survivor.nick, person.home, now)
        tenure = Tenure(survivor.name, survivor.nick, now)
        history.presences.append(presence)
        history.tenures.append(tenure)
        yield f"{person.name}'s session"
        # What the one that lost held is given back by then, and nothing else.
        await trio.sleep(struck.grace + AFTER_GRACE)
        await survivor.prove()
        presence.until = tenure.until = trio.current_time()
        await survivor.leave()
        nursery.cancel_scope.cancel()


async def _fight(
    struck: Struck, chance: random.Random, nursery: trio.Nursery
) -> tuple[Client, Rival] | None:
    """Let two connections take up one session; return whose it was, and which one has it.

    None if it ended by itself meanwhile.
    """

    async def somebody_is_there() -> bool:
        await trio.lowlevel.checkpoint()
        return any(person.session is not None for person in struck.people)

    await until(somebody_is_there, "somebody to be there")
    person = chance.choice([person for person in struck.people if person.session is not None])
    session = person.session
    assert session is not None
    secret = session._secret
    assert secret is not None
    urls = chance.sample(struck.urls, len(struck.urls))
    rivals = [
        Rival(await Connection.open(nursery, url), person)
        for url in itertools.islice(itertools.cycle(urls), 2)
    ]
    for rival in rivals:
        nursery.start_soon(rival.hear)
    person.is_rivalled = True
    async with trio.open_nursery() as fighting:
        for rival in rivals:
            fighting.start_soon(rival.take_up, secret)

    welcomed = [rival for rival in rivals if rival.nick]

    async def decided() -> bool:
        await trio.lowlevel.checkpoint()
        return person.session is not session and len(_left(welcomed)) <= 1

    if welcomed:
        await until(decided, "all but one of the connections to be closed")
    person.is_rivalled = False
    left = _left(welcomed)
    for rival in rivals:
        if rival not in left:
            if rival.closed is not None and rival.closed.code != REPLACED.code:
                reason = f"{rival.name} was closed: {rival.closed.reason}"
                person.history.complaints.append(reason)
            await rival.leave()
    return (person, left[0]) if left else None


def _left(rivals: list[Rival]) -> list[Rival]:
    return [rival for rival in rivals if rival.closed is None]
