"""Attacks on people: presence, direct messages, typing, and not reading."""

from __future__ import annotations

from typing import Final

import trio

from gateway.wire import LOBBY, MAX_STATUS_BYTES, MAX_TEXT_BYTES
from tests.attacks.crowd import Attacker, Crowd, encode
from tests.attacks.kinds.rooms import ROOMS_EACH
from tests.websocket import PONG, encode_frame

_LONGEST: Final = MAX_TEXT_BYTES * "x"
_TALKER_SHARE: Final = 10
"""One attacker in so many fills a room that the others do not read."""
_RECEIVE_BUFFER: Final = 4_096
_PONG_SECONDS: Final = 5.0


def _status(number: int) -> bytes:
    """Return the command of a status that is long, and longer when it is escaped."""
    text = f"{number}".ljust(MAX_STATUS_BYTES, '"')
    return encode(type="status", state="away" if number % 2 else "busy", text=text, id=str(number))


async def statuses(crowd: Crowd) -> None:
    """Be in fifty rooms together, and change one's status as often as flood control allows.

    May cost fifty times what it costs in one room: a status counts once for each room.
    """
    rooms = [f"statuses-{number}" for number in range(ROOMS_EACH)]

    async def act(attacker: Attacker) -> None:
        await attacker.come_in(*rooms)
        await attacker.repeat(_status)

    await crowd.each(act)


async def giant_presence(crowd: Crowd) -> None:
    """Fill the lobby, then change all statuses at once, again and again, and read none of it.

    May cost its members frames far below `--outbox-bytes`, and closes nobody who reads.
    """

    async def act(attacker: Attacker) -> None:
        await attacker.come_in(LOBBY)
        await crowd.gather()
        for number in range(1_000):
            await attacker.send(_status(number))
            attacker.outcomes["sent"] += 1
            await trio.sleep(1.0)

    await crowd.each(act)


async def slow_readers(crowd: Crowd) -> None:
    """Have a few fill a room with the longest texts, while the others send pongs and do not read.

    May have bytes waiting up to the node's total; each connection without progress is closed.
    """

    async def act(attacker: Attacker) -> None:
        await attacker.come_in("unread")
        if attacker.number % _TALKER_SHARE == 0:
            await attacker.repeat(
                lambda number: encode(type="send", room="unread", text=_LONGEST, id=str(number))
            )
        while True:
            await attacker.send(encode_frame(b"", PONG))
            await trio.sleep(_PONG_SECONDS)

    await crowd.each(act, receive_buffer=_RECEIVE_BUFFER)


async def directs(crowd: Crowd) -> None:
    """Write to one bystander, many strangers at once, as often as flood control allows.

    May have one inbox's log full in Redis for each session, and the victim is not closed.
    """

    async def act(attacker: Attacker) -> None:
        await attacker.come_in()
        await attacker.repeat(
            lambda number: encode(type="direct", to=crowd.victim, text=_LONGEST, id=str(number))
        )

    await crowd.each(act)


async def typing(crowd: Crowd) -> None:
    """Say that one is typing, in the lobby and to a bystander, as often as flood control allows.

    May reach each of them once in two seconds from each attacker.
    """
    targets = ({"room": LOBBY}, {"to": crowd.victim})

    async def act(attacker: Attacker) -> None:
        await attacker.come_in(LOBBY)
        await attacker.repeat(
            lambda number: encode(type="typing", **targets[number % 2], id=str(number))
        )

    await crowd.each(act)
