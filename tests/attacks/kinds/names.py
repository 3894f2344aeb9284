"""Attacks by names, passwords and secrets."""

from __future__ import annotations

import secrets
from itertools import count
from typing import Final

import trio

from tests.attacks.crowd import COMMANDS_PER_SECOND, Attacker, Crowd, encode
from tests.attacks.innocents import PASSWORD, RESIDENT

_HUGE_NAMES: Final = (
    # PRECIS looks for a kana beside each middle dot: here it finds one at the end of the name.
    5_316 * "\u30fb" + "\u30a2",
    # Normalisation puts marks in order.
    "a" + 2_600 * "\u0301\u0316\u0345",
)
"""Names of nearly 16 KiB, for whose length a library might take time by the square."""
_RENAMES: Final = 20
"""New nicknames that an attacker has before it comes in anew; flood control allows them at once."""


async def nick_churn(crowd: Crowd) -> None:
    """Take new nicknames without end: by hello, by `nick`, and by leaving without a goodbye.

    May take as many as one address may in a minute; Redis forgets each with its session.
    """

    async def act(attacker: Attacker) -> None:
        await attacker.come_in()
        for _ in range(_RENAMES):
            await attacker.say(type="nick", nick=crowd.new_nick(), id="n")
            await attacker.answer()

    await crowd.each(act)


async def huge_names(crowd: Crowd) -> None:
    """Say hello with a nickname of nearly 16 KiB, then use it wherever a name may stand.

    May cost less than a message: a name is measured before anything else is done with it.
    """
    frames = [
        encode(**command, id="huge")
        for name in _HUGE_NAMES
        for command in (
            {"type": "nick", "nick": name},
            {"type": "join", "room": name},
            {"type": "send", "room": name, "text": "x"},
            {"type": "direct", "to": name, "text": "x"},
            {"type": "typing", "to": name},
            {"type": "status", "state": "away", "text": name},
        )
    ]

    async def act(attacker: Attacker) -> None:
        await attacker.upgrade()
        for nick in (*_HUGE_NAMES, crowd.new_nick()):
            await attacker.say(type="hello", nick=nick, id="hello")
            await attacker.answer()
        await attacker.repeat(lambda number: frames[number % len(frames)])

    await crowd.each(act)


async def resume_guessing(crowd: Crowd) -> None:
    """Try to take over sessions by guessing their secrets, as fast as possible.

    May take over none, and use up its own budget.
    """

    async def act(attacker: Attacker) -> None:
        await attacker.upgrade()
        while True:
            await attacker.say(type="hello", resume=secrets.token_urlsafe(16), id="r")
            await attacker.answer()
            await trio.lowlevel.checkpoint()

    await crowd.each(act)


async def password_guessing(crowd: Crowd) -> None:
    """Guess at the password of somebody with an account, ten times a second over each connection.

    May have a few guesses tried: then all wait, except for the owner with a token.
    """
    guesses = count()

    async def act(attacker: Attacker) -> None:
        await attacker.upgrade()
        while True:
            guess = f"lavender tram {next(guesses)} parasol"
            await attacker.say(type="hello", nick=RESIDENT, password=guess, id="g")
            await attacker.answer()
            await trio.sleep(1 / COMMANDS_PER_SECOND)

    await crowd.each(act)


async def registering(crowd: Crowd) -> None:
    """Make as many accounts as possible, each on a connection of its own.

    May make as many as one address may in an hour.
    """

    async def act(attacker: Attacker) -> None:
        await attacker.upgrade()
        answer = b""
        while not answer.startswith(b'{"type":"welcome"'):
            nick = crowd.new_nick()
            await attacker.say(type="register", id=nick, nick=nick, password=PASSWORD)
            answer = await attacker.answer()
            await trio.sleep(1 / COMMANDS_PER_SECOND)

    await crowd.each(act)
