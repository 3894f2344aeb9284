"""State machines as tables: for each state, the next state after each event that is possible."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar


class Symbol(Enum):
    """A state, or an event. Hashed by identity: `Enum` hashes in Python, ten times as slow."""

    __hash__ = object.__hash__


StateT = TypeVar("StateT", bound=Symbol)
EventT = TypeVar("EventT", bound=Symbol)


class ImpossibleTransition(Exception):
    """An event that cannot happen in this state: a mistake in the program."""


def next_state(
    transitions: Mapping[StateT, Mapping[EventT, StateT]], state: StateT, event: EventT
) -> StateT:
    """Return the state after an event.

    :raises ImpossibleTransition: if the event cannot happen in this state.
    """
    try:
        return transitions[state][event]
    except KeyError:
        raise ImpossibleTransition(f"{event} in {state}") from None
