"""Who somebody is to others, nickname and status, in the one line that nodes share. Pure.

It is ``nick``, or with a status ``nick state text``; a nickname has no spaces. Most people have no
status, so a line in a room of thousands costs no more than a nickname.
"""

from __future__ import annotations

from typing import Final, get_args

from gateway.wire import Member, State

_STATES: Final[dict[str, State]] = {state: state for state in get_args(State)}


def write(nick: str, state: str = "online", text: str = "") -> str:
    """Give somebody's line."""
    return nick if state == "online" and not text else f"{nick} {state} {text}"


def renamed(who: str, nick: str) -> str:
    """Give the line of somebody who has another nickname now."""
    return nick + who[len(nick_of(who)) :]


def nick_of(who: str) -> str:
    """Read the nickname off somebody's line."""
    return who.partition(" ")[0]


def read(who: str) -> Member:
    """Read somebody's line."""
    if " " not in who:
        return Member(nick=who)
    nick, _, status = who.partition(" ")
    state, _, text = status.partition(" ")
    return Member(nick=nick, state=_STATES.get(state, "online"), text=text)
