"""Attacks by rooms: asking for lists, making rooms, filling their logs, reading them."""

from __future__ import annotations

import secrets
from typing import Final

from gateway.wire import LOBBY, MAX_HISTORY, MAX_TEXT_BYTES
from tests.attacks.crowd import Attacker, Crowd, encode

ROOMS_EACH: Final = 50
"""The rooms that a session may be in by default."""
_LONGEST: Final = MAX_TEXT_BYTES * "x"


async def rooms_lists(crowd: Crowd) -> None:
    """Make hundreds of rooms, and ask for the list of rooms as often as flood control allows.

    May cost the same whatever the number of those who ask.
    """

    async def act(attacker: Attacker) -> None:
        await attacker.come_in(*_new_rooms(20))
        await attacker.repeat(lambda number: encode(type="rooms", id=str(number)))

    await crowd.each(act)


async def members_lists(crowd: Crowd) -> None:
    """Fill the lobby, and ask for its members as often as flood control allows.

    May cost the same whatever the number of those who ask, but for what is sent to them.
    """

    async def act(attacker: Attacker) -> None:
        await attacker.come_in(LOBBY)
        await attacker.repeat(lambda number: encode(type="members", room=LOBBY, id=str(number)))

    await crowd.each(act)


async def new_rooms(crowd: Crowd) -> None:
    """Make new rooms without end, say something in each, and leave it.

    May make as many as one address may in an hour.
    """

    def command(tag: str, step: int) -> bytes:
        room = f"{tag}-{step // 3}"
        match step % 3:
            case 0:
                return encode(type="join", room=room, history=0, id=f"j{step}")
            case 1:
                return encode(type="send", room=room, text="x", id=f"s{step}")
            case _:
                return encode(type="leave", room=room, id=f"l{step}")

    async def act(attacker: Attacker) -> None:
        tag = secrets.token_hex(6)
        await attacker.come_in()
        await attacker.repeat(lambda step: command(tag, step))

    await crowd.each(act)


async def join_leave(crowd: Crowd) -> None:
    """Join and leave the lobby, as often as flood control allows.

    May cost its members four frames a second, or fewer.
    """

    def command(number: int) -> bytes:
        return encode(type="leave" if number % 2 else "join", room=LOBBY, id=str(number))

    async def act(attacker: Attacker) -> None:
        await attacker.come_in()
        await attacker.repeat(command)

    await crowd.each(act)


async def histories(crowd: Crowd) -> None:
    """Fill a room with the longest texts, and ask for all of them as often as flood control allows.

    May fill one room's log, and read as many bytes a second as its budget allows.
    """

    def command(room: str, number: int) -> bytes:
        if number < MAX_HISTORY // crowd.size + 1:
            return encode(type="send", room=room, text=_LONGEST, id=str(number))
        return encode(type="history", room=room, limit=MAX_HISTORY, id=str(number))

    async def act(attacker: Attacker) -> None:
        await attacker.come_in("archive")
        await attacker.repeat(lambda number: command("archive", number))

    await crowd.each(act)


async def full_logs(crowd: Crowd) -> None:
    """Fill the logs of as many rooms as possible with the longest texts.

    May store as many bytes as the total for Redis, for each room and for each address allow.
    """

    async def act(attacker: Attacker) -> None:
        rooms = list(_new_rooms(ROOMS_EACH))
        await attacker.come_in(*rooms)
        await attacker.repeat(
            lambda number: encode(
                type="send", room=rooms[number % len(rooms)], text=_LONGEST, id=str(number)
            )
        )

    await crowd.each(act)


def _new_rooms(number: int) -> list[str]:
    tag = secrets.token_hex(6)
    return [f"{tag}-{each}" for each in range(number)]
