"""Member lines: a nickname and a status in one line of text, as nodes share them. Pure.

A line is ``nick``, or with a status ``nick state text``; a nickname has no spaces. The state of an
account begins with ``+``. The state ``idle``, of somebody who does nothing on this device, is
``away`` on the wire.
"""

from __future__ import annotations

from typing import Final, get_args

from gateway.wire import Member, State

REGISTERED: Final = "+"
"""The first character of the state of an account."""
IDLE: Final = "idle"
_STATES: Final[dict[str, State]] = {state: state for state in get_args(State)}
_STATES[IDLE] = "away"


def write(
    nick: str,
    state: str = "online",
    text: str = "",
    *,
    registered: bool = False,
    idle: bool = False,
) -> str:
    """Return the line for a nickname and a status; whoever is ``idle`` has that in place of it."""
    if idle:
        state = IDLE
    if registered:
        return f"{nick} {REGISTERED}{state} {text}"
    return nick if state == "online" and not text else f"{nick} {state} {text}"


def renamed(line: str, nick: str) -> str:
    """Return a line with another nickname."""
    return nick + line[len(nick_of(line)) :]


def with_idleness(line: str, *, idle: bool) -> str:
    """Return a line as it is shown while nobody uses this device, or somebody does."""
    if not idle:
        return line
    nick, _, status = line.partition(" ")
    state, _, text = status.partition(" ")
    return write(nick, text=text, registered=state.startswith(REGISTERED), idle=True)


def without_idleness(line: str) -> str:
    """Return a line without the state idle; what was chosen before that is not known."""
    nick, _, status = line.partition(" ")
    state, _, text = status.partition(" ")
    if state.removeprefix(REGISTERED) != IDLE:
        return line
    return write(nick, text=text, registered=state.startswith(REGISTERED))


def nick_of(line: str) -> str:
    """Return the nickname in a line."""
    return line.partition(" ")[0]


def is_idle(line: str) -> bool:
    """Return whether a line is that of somebody who does nothing on this device."""
    return _state_of(line).removeprefix(REGISTERED) == IDLE


def is_registered(line: str) -> bool:
    """Return whether a line is that of an account."""
    return _state_of(line).startswith(REGISTERED)


def read(line: str) -> Member:
    """Return the member in a line."""
    if " " not in line:
        return Member(nick=line)
    nick, _, status = line.partition(" ")
    state, _, text = status.partition(" ")
    registered = state.startswith(REGISTERED)
    shown = _STATES.get(state.removeprefix(REGISTERED), "online")
    return Member(nick=nick, state=shown, text=text, registered=registered)


def _state_of(line: str) -> str:
    return line.partition(" ")[2].partition(" ")[0]
