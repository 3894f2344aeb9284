"""Member lines: a nickname and a status in one line of text, as nodes share them. Pure.

A line is ``nick``, or with a status ``nick state text``; a nickname has no spaces.
"""

from __future__ import annotations

from typing import Final, get_args

from gateway.wire import Member, State

_STATES: Final[dict[str, State]] = {state: state for state in get_args(State)}


def write(nick: str, state: str = "online", text: str = "") -> str:
    """Return the line for a nickname and a status."""
    return nick if state == "online" and not text else f"{nick} {state} {text}"


def renamed(line: str, nick: str) -> str:
    """Return a line with another nickname."""
    return nick + line[len(nick_of(line)) :]


def nick_of(line: str) -> str:
    """Return the nickname in a line."""
    return line.partition(" ")[0]


def read(line: str) -> Member:
    """Return the member in a line."""
    if " " not in line:
        return Member(nick=line)
    nick, _, status = line.partition(" ")
    state, _, text = status.partition(" ")
    return Member(nick=nick, state=_STATES.get(state, "online"), text=text)
